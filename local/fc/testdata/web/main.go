// A web function that does what its path says.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

var inFlight atomic.Int32

func main() {
	if os.Getenv("START") == "exit" {
		os.Exit(7)
	}
	http.HandleFunc("/initialize", func(w http.ResponseWriter, r *http.Request) {
		if os.Getenv("INIT") == "fail" {
			http.Error(w, "cannot initialise", http.StatusInternalServerError)
		}
	})
	http.HandleFunc("/pre-stop", func(http.ResponseWriter, *http.Request) {
		if path := os.Getenv("MARK"); path != "" {
			_ = os.WriteFile(path, []byte("stopped"), 0o600)
		}
	})
	http.HandleFunc("/invoke", invoke)
	http.HandleFunc("/echo", echo)
	http.HandleFunc("/meet", meet)
	http.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	http.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { select {} })
	http.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Big", strings.Repeat("x", 9<<10)) })
	if err := http.ListenAndServe("0.0.0.0:"+os.Getenv("FC_CUSTOM_LISTEN_PORT"), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func invoke(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch string(body) {
	case "fail":
		w.Header().Set("x-fc-status", "404")
		w.WriteHeader(http.StatusInternalServerError)
	case "lost":
		w.WriteHeader(http.StatusInternalServerError)
	case "exit":
		os.Exit(3)
	default:
		w.Header().Set("x-fc-status", "200")
	}
	fmt.Fprintf(w, "%s %s %s", r.Header.Get("x-fc-control-path"), r.Header.Get("Content-Type"), body)
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Server", "mine")
	w.Header().Set("X-Fc-Status", "200")
	w.Header().Set("X-Own", "yes")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "uri": r.RequestURI, "host": r.Host, "header": r.Header, "body": string(body), "pid": os.Getpid(),
	})
}

var both = make(chan struct{})

// meet waits until two requests are inside at a time.
func meet(w http.ResponseWriter, _ *http.Request) {
	if inFlight.Add(1) == 2 {
		close(both)
	}
	<-both
	fmt.Fprint(w, os.Getpid())
}
