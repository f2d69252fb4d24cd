// Command bootstrap runs the stage settle on Function Compute.
package main

import (
	"github.com/chuandao/qianfan/functions/settle"
	"github.com/chuandao/qianfan/shared/function"
)

func main() {
	function.StartEvent(function.EventConfig{}, settle.Build)
}
