//go:build unix

package clock

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func create(t *testing.T, r Reading) (*Writer, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clock")
	w, err := Create(path, r)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w, path
}

func follow(t *testing.T, path string, now func() time.Time) *File {
	t.Helper()
	f, err := openFile(path, now)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestFileFollowsItsWriter(t *testing.T) {
	t.Parallel()
	w, path := create(t, Reading{System: noon, Virtual: noon.Add(time.Hour), Speed: 60})
	system := NewManual(noon)
	f := follow(t, path, system.System)
	require.Equal(t, noon.Add(time.Hour), f.Virtual())
	require.InDelta(t, 60, f.Pace(), 0)

	system.Advance(time.Second)
	require.Equal(t, noon.Add(time.Second), f.System())
	require.Equal(t, noon.Add(time.Hour+time.Minute), f.Virtual())

	_, err := w.Update(func(r Reading) Reading {
		return Reading{System: system.System(), Virtual: r.At(system.System()), Speed: 1, Frozen: true}
	})
	require.NoError(t, err)
	system.Advance(time.Minute)
	require.Equal(t, noon.Add(time.Hour+time.Minute), f.Virtual())
	require.InDelta(t, 1, f.Pace(), 0)
}

func TestFromEnvOpensTheFile(t *testing.T) {
	t.Parallel()
	_, path := create(t, Reading{System: noon, Virtual: noon, Speed: 1, Frozen: true})
	c, closer, err := FromEnv(func(name string) string { return map[string]string{EnvFile: path}[name] })
	require.NoError(t, err)
	require.Equal(t, noon, c.Virtual())
	require.WithinDuration(t, time.Now(), c.System(), time.Minute)
	require.NoError(t, closer.Close())
	require.NoError(t, closer.Close(), "closing twice is closing once")
	require.Equal(t, noon, c.Virtual(), "a closed clock stands")
}

func TestVirtualTimeSurvivesAStepOfTheWallClock(t *testing.T) {
	t.Parallel()
	_, path := create(t, Reading{System: noon, Virtual: noon, Speed: 2})
	system := NewManual(noon.Add(time.Hour))
	f := follow(t, path, system.System)
	require.Equal(t, noon.Add(2*time.Hour), f.Virtual())
	system.Advance(-30 * time.Minute)
	require.Equal(t, noon.Add(2*time.Hour), f.Virtual())
	system.Advance(31 * time.Minute)
	require.Equal(t, noon.Add(2*time.Hour+2*time.Minute), f.Virtual())
}

func TestADeadWriterHoldsNobody(t *testing.T) {
	t.Parallel()
	w, path := create(t, Reading{System: noon, Virtual: noon, Speed: 1})
	f := follow(t, path, NewManual(noon.Add(time.Second)).System)
	require.Equal(t, noon.Add(time.Second), f.Virtual())
	w.mem.words[wordSeq].Add(1) // the writer died inside a change
	require.Equal(t, noon.Add(time.Second), f.Virtual())
}

func TestOpenRefusesWhatIsNoClockFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, _, err := Open(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)

	short := filepath.Join(dir, "short")
	require.NoError(t, os.WriteFile(short, make([]byte, 8), 0o600))
	_, _, err = Open(short)
	require.ErrorContains(t, err, "has 8 bytes: want 64")

	other := filepath.Join(dir, "other")
	require.NoError(t, os.WriteFile(other, make([]byte, fileSize), 0o600))
	_, _, err = Open(other)
	require.ErrorContains(t, err, "magic 0x0 version 0")
}

func TestInvalidReadingsChangeNothing(t *testing.T) {
	t.Parallel()
	_, err := Create(filepath.Join(t.TempDir(), "clock"), Reading{})
	require.ErrorContains(t, err, "want a finite number above 0")

	w, path := create(t, Reading{System: noon, Virtual: noon, Speed: 1, Frozen: true})
	f := follow(t, path, NewManual(noon).System)
	_, err = w.Update(func(r Reading) Reading { r.Speed, r.Virtual = -1, noon.Add(1); return r })
	require.Error(t, err)
	require.Equal(t, noon, f.Virtual())
	require.NoError(t, w.Close())
	_, err = w.Update(func(r Reading) Reading { return r })
	require.ErrorIs(t, err, os.ErrClosed)
}

// Readers see whole readings and a virtual time that never goes backwards while the writer changes speed between ×1
// and ×1000 as fast as it can, each of its readings being recognisable by its parts.
func TestReadersNeverSeeTornReadingsNorTimeGoingBack(t *testing.T) {
	t.Parallel()
	started := time.Now()
	start := started.UTC().Round(0)
	monotonic := func() time.Time { return start.Add(time.Since(started)) } // the wall clock may step
	w, path := create(t, Reading{System: start, Virtual: start, Speed: 1})

	const readers, reads = 3, 20_000
	var wg sync.WaitGroup
	for range readers {
		f := follow(t, path, monotonic)
		wg.Go(func() {
			last := int64(0)
			for range reads {
				r, system, ok := f.read()
				if !ok {
					continue
				}
				// Every Update below leaves Virtual odd for speed 1 and even for speed 1000.
				if odd := r.Virtual.UnixNano()%2 != 0; r.System != start && odd != (r.Speed == 1) {
					t.Errorf("torn: virtual %d speed %v", r.Virtual.UnixNano(), r.Speed)
					return
				}
				if v := r.At(system).UnixNano(); v < last {
					t.Errorf("virtual time went back by %v", time.Duration(last-v))
					return
				} else {
					last = v
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for speed := 1000.0; ; speed = 1001 - speed {
		_, err := w.Update(func(r Reading) Reading {
			now := monotonic()
			v := r.At(now).UnixNano()
			if wantOdd := speed == 1; (v%2 != 0) != wantOdd {
				v++
			}
			return Reading{System: now, Virtual: time.Unix(0, v), Speed: speed}
		})
		require.NoError(t, err)
		select {
		case <-done:
			return
		default:
		}
	}
}

func BenchmarkFileVirtual(b *testing.B) {
	path := filepath.Join(b.TempDir(), "clock")
	w, err := Create(path, Reading{System: noon, Virtual: noon, Speed: 60})
	require.NoError(b, err)
	defer func() { require.NoError(b, w.Close()) }()
	c, closer, err := Open(path)
	require.NoError(b, err)
	defer func() { require.NoError(b, closer.Close()) }()
	for b.Loop() {
		c.Virtual()
	}
}
