package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// Two builds into different folders give the same bytes, and what is inside can run on Function Compute.
func TestPackagingIsReproducible(t *testing.T) {
	t.Parallel()
	var packages [2][]byte
	var said [2]bytes.Buffer
	for i := range packages {
		out := t.TempDir()
		require.NoError(t, run(t.Context(), root, out, []string{"timeout"}, &said[i]))
		text, err := os.ReadFile(filepath.Join(out, "timeout.zip"))
		require.NoError(t, err)
		packages[i] = text
	}
	require.True(t, bytes.Equal(packages[0], packages[1]), "two builds differ")
	require.Equal(t, said[0].String(), said[1].String())
	require.Regexp(t, `^timeout\.zip +\d+\.\d\d MB  sha256 [0-9a-f]{64}\n$`, said[0].String())

	binary := content(t, packages[0])
	file, err := elf.NewFile(bytes.NewReader(binary))
	require.NoError(t, err)
	require.Equal(t, elf.EM_X86_64, file.Machine)
	libraries, err := file.ImportedLibraries()
	require.NoError(t, err)
	require.Empty(t, libraries, "a static binary")
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	require.False(t, bytes.Contains(binary, []byte(here)), "a path of this machine")
}

// content is the one file inside a package.
func content(t *testing.T, archive []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	require.Len(t, z.File, 1)
	require.Equal(t, "bootstrap", z.File[0].Name)
	require.Equal(t, os.FileMode(0o755), z.File[0].Mode())
	require.True(t, z.File[0].Modified.Equal(epoch))
	in, err := z.File[0].Open()
	require.NoError(t, err)
	text, err := io.ReadAll(in)
	require.NoError(t, err)
	return text
}

func TestAPackageDoesNotTellWhenItWasMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var digests []string
	for i, mode := range []os.FileMode{0o600, 0o777} {
		binary := filepath.Join(dir, "binary")
		require.NoError(t, os.WriteFile(binary, []byte("#!"), mode))
		require.NoError(t, os.Chtimes(binary, time.Time{}, time.Unix(int64(1e9*(i+1)), 0)))
		p, err := pack(binary, filepath.Join(dir, "p.zip"))
		require.NoError(t, err)
		text, err := os.ReadFile(filepath.Join(dir, "p.zip"))
		require.NoError(t, err)
		require.Len(t, text, int(p.size))
		require.Equal(t, "#!", string(content(t, text)))
		digests = append(digests, p.digest)
	}
	require.Equal(t, digests[0], digests[1])
}

func TestEveryFunctionOfTheDeploymentIsPackaged(t *testing.T) {
	t.Parallel()
	names, err := functions(root)
	require.NoError(t, err)
	text, err := os.ReadFile(root + "/s.yaml")
	require.NoError(t, err)
	for _, name := range names {
		require.Contains(t, string(text), "code: ${vars.code}/"+name+"\n")
	}
	require.Equal(t, len(names), strings.Count(string(text), "code: ${vars.code}/"))
}

func TestPackagingSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.ErrorContains(t, run(t.Context(), root, dir, []string{"nobody"}, io.Discard), `no function "nobody", only [callback dispatch`)
	require.ErrorContains(t, run(t.Context(), dir, dir, nil, io.Discard), "run this where s.yaml is")
	broken := filepath.Join(dir, "functions", "x", "bootstrap")
	require.NoError(t, os.MkdirAll(broken, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(broken, "main.go"), []byte("package main\nfunc main() { missing() }\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module x\n\ngo 1.26\n"), 0o600))
	require.ErrorContains(t, run(t.Context(), dir, dir, nil, io.Discard), "undefined: missing")
	_, err := pack(filepath.Join(dir, "none"), filepath.Join(dir, "none.zip"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
