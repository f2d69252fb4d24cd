package fc

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
)

// Instances of custom runtimes listen on ports below those that systems hand out for ":0" and for outgoing connections. A port from
// there could be taken by anybody between our look and the child's own listen, and requests would go to a stranger.
const (
	firstPort = 15000
	portSpan  = 17000
	portStep  = 131 // spreads the starts of processes that run side by side
)

// ports gives each instance of this process another port.
var ports = struct {
	sync.Mutex
	next int
}{next: os.Getpid() * portStep % portSpan}

// freePort finds a port that nobody listens on.
func freePort(ctx context.Context) (string, error) {
	ports.Lock()
	defer ports.Unlock()
	var last error
	for range portSpan {
		port := strconv.Itoa(firstPort + ports.next)
		ports.next = (ports.next + 1) % portSpan
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", "0.0.0.0:"+port)
		if err != nil {
			last = err
			continue
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("find a port: %w", err)
		}
		return port, nil
	}
	return "", fmt.Errorf("find a port: %w", last)
}
