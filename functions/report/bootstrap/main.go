// Command bootstrap runs the stage report on Function Compute.
package main

import (
	"github.com/chuandao/qianfan/functions/report"
	"github.com/chuandao/qianfan/shared/function"
)

func main() {
	function.StartEvent(function.EventConfig{}, report.Build)
}
