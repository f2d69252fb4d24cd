package function

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// WebConfig shapes a web function. The zero value is a good default.
type WebConfig struct {
	Env      func() *Env   // nil reads the process's environment
	MaxBody  int64         // bytes of a request body; 0 is 1 MiB
	TooLarge http.Handler  // answers a request whose body is larger, in the party's own protocol; nil answers 413
	Grace    time.Duration // how long requests and Close may take at SIGTERM; 0 is 10 s
	Stdout   io.Writer     // gets the platform's FC … lines; nil is os.Stdout
}

const (
	defaultMaxBody = 1 << 20
	defaultGrace   = 10 * time.Second
	defaultPort    = "9000"
	envListenPort  = "FC_CUSTOM_LISTEN_PORT"
	readTimeout    = 30 * time.Second
	keepAlive      = 10 * time.Minute // longer than the platform's, so that it, not we, drops idle connections
	maxHeaderBytes = 64 << 10         // the platform allows 8 KB from outside and adds its own
)

// StartWeb runs a web function on a custom runtime: an HTTP server on FC_CUSTOM_LISTEN_PORT (default 9000) with the platform's hooks
// /initialize and /pre-stop. It returns after SIGTERM, when requests have ended and dependencies are closed; a server that cannot
// listen ends the process with status 1.
func StartWeb(cfg WebConfig, build Build[http.Handler]) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	port := os.Getenv(envListenPort)
	if port == "" {
		port = defaultPort
	}
	listener, err := net.Listen("tcp", "0.0.0.0:"+port)
	if err == nil {
		err = serveWeb(ctx, cfg, build, listener)
	}
	if err != nil {
		slog.Error("web function ends", "error", err)
		os.Exit(1)
	}
}

// serveWeb serves until ctx ends.
func serveWeb(ctx context.Context, cfg WebConfig, build Build[http.Handler], listener net.Listener) error {
	f := newWebFunction(cfg, build)
	server := &http.Server{Handler: f, ReadTimeout: readTimeout, IdleTimeout: keepAlive, MaxHeaderBytes: maxHeaderBytes}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), f.cfg.Grace)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("shut down: %w", err), server.Close())
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, f.close(grace))
}
