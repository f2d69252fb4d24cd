// Command statedoc draws the transition tables of orders and attempts as docs/state-machine.md.
package main

import (
	"flag"
	"fmt"
	"os"
)

//go:generate go run . -out ../../../docs/state-machine.md

func main() {
	out := flag.String("out", "", "file to write; empty = standard output")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "statedoc:", err)
		os.Exit(1)
	}
}

func write(path string) error {
	if path == "" {
		_, err := fmt.Print(render())
		return err
	}
	return os.WriteFile(path, []byte(render()), 0o644)
}
