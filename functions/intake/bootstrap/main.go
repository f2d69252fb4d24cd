// Command bootstrap runs the stage intake on Function Compute.
package main

import (
	"github.com/chuandao/qianfan/functions/intake"
	"github.com/chuandao/qianfan/shared/function"
)

func main() {
	var tooLarge function.LateHandler
	function.StartWeb(function.WebConfig{TooLarge: &tooLarge}, intake.Build(&tooLarge))
}
