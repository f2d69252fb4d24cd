// Command qianfan runs the whole of 千帆 on one machine, and looks after it: see `qianfan --help`.
package main

import (
	"os"

	"github.com/chuandao/qianfan/local/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
