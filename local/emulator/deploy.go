package emulator

import (
	"fmt"
	"slices"
	"sync"

	"github.com/chuandao/qianfan/local/template"
)

// code knows which build of each function runs: that of s.yaml unless another was deployed.
type code struct {
	mu   sync.Mutex
	dirs map[string]string // by resource
}

func (c *code) dir(fn template.Function) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if dir, ok := c.dirs[fn.Resource]; ok {
		return dir
	}
	return fn.CodeDir
}

func (c *code) set(resource, dir string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirs == nil {
		c.dirs = map[string]string{}
	}
	c.dirs[resource] = dir
}

// Deploy replaces a function, by its resource in s.yaml, with the build in dir, under load as the cloud does it: present
// instances finish their calls, later calls go to instances of the new build.
func (e *Emulator) Deploy(resource, dir string) error {
	i := slices.IndexFunc(e.Template.Functions, func(fn template.Function) bool { return fn.Resource == resource })
	if i < 0 {
		return fmt.Errorf("deploy: s.yaml has no function %q", resource)
	}
	e.code.set(resource, dir)
	return e.Functions.Replace(e.Template.Functions[i].Name)
}
