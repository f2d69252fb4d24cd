// Command bootstrap runs the stage callback on Function Compute.
package main

import (
	"github.com/chuandao/qianfan/functions/callback"
	"github.com/chuandao/qianfan/shared/function"
)

func main() {
	var tooLarge function.LateHandler
	function.StartWeb(function.WebConfig{TooLarge: &tooLarge}, callback.Build(&tooLarge))
}
