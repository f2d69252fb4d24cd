package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// executable is the name of the binary inside the package: `handler` of s.yaml, and /code/bootstrap on custom runtimes.
const executable = "bootstrap"

// maxSize of a package in bytes. The platform takes 100 MB at least; what is small starts sooner.
const maxSize = 15 << 20

// compile builds one function for Function Compute: go1 and custom.debian12 are Linux on x86-64 without our C libraries.
func compile(ctx context.Context, root, name, binary string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(binary), 0o755); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./functions/"+name+"/bootstrap")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, strings.TrimSpace(string(text)))
	}
	return nil
}

// packed describes a written package.
type packed struct {
	size   int64  // bytes
	digest string // SHA-256, hexadecimal
}

// pack writes a zip with the binary alone inside, under the name bootstrap. Nothing in it depends on when or by whom it is written.
func pack(binary, archive string) (packed, error) {
	in, err := os.Open(binary)
	if err != nil {
		return packed{}, fmt.Errorf("pack: %w", err)
	}
	defer func() { _ = in.Close() }() // only read
	var out bytes.Buffer
	if err := write(&out, in); err != nil {
		return packed{}, fmt.Errorf("pack %s: %w", archive, err)
	}
	if err := os.WriteFile(archive, out.Bytes(), 0o644); err != nil {
		return packed{}, fmt.Errorf("pack: %w", err)
	}
	sum := sha256.Sum256(out.Bytes())
	return packed{size: int64(out.Len()), digest: hex.EncodeToString(sum[:])}, nil
}

// epoch is the first instant that a zip can tell.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func write(to io.Writer, binary io.Reader) error {
	z := zip.NewWriter(to)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	header := &zip.FileHeader{Name: executable, Method: zip.Deflate, Modified: epoch}
	header.SetMode(0o755) // whoever unpacks it must be able to run it
	entry, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := io.Copy(entry, binary); err != nil {
		return err
	}
	return z.Close()
}
