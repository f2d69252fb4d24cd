package live

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// kept is a value that is read again when it is old. One caller reads; the others go on with
// the old value, or wait for the first.
type kept[T any] struct {
	what  string
	now   func() time.Time
	fresh time.Duration // in which a value is not read again
	read  func(context.Context) (T, error)

	reading sync.Mutex // held by the one who reads

	mu    sync.Mutex
	value T
	have  bool
	err   error     // of the first readings, while there is no value
	until time.Time // value, or err, is fresh before it
	away  bool      // the last reading failed
}

func (k *kept[T]) get(ctx context.Context) (T, error) {
	value, age, err := k.look()
	switch {
	case age == isFresh:
		return value, err
	case age == isOld:
		k.reading.Lock()
	case !k.reading.TryLock():
		return value, nil
	}
	defer k.reading.Unlock()
	if value, age, err := k.look(); age == isFresh {
		return value, err
	}
	return k.renew(ctx)
}

// age is how a value may be used.
type age int

const (
	isFresh age = iota // as it is
	isStale            // by those who do not read it again
	isOld              // by nobody: it is not there, or nobody has looked for long
)

func (k *kept[T]) look() (T, age, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch late := k.now().Sub(k.until); {
	case late < 0:
		return k.value, isFresh, k.err
	case k.have && late < idle:
		return k.value, isStale, nil
	}
	return k.value, isOld, nil
}

// renew reads. A failure is an error only for those who have no value yet. The reading is
// everybody's: who asks for it and leaves does not end it.
func (k *kept[T]) renew(ctx context.Context) (T, error) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patient)
	defer cancel()
	value, err := k.read(within)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.value, k.have, k.err = value, true, nil
	case !k.have:
		k.err, k.until = err, k.now().Add(sorry)
		return value, err
	}
	k.until = k.now().Add(k.fresh)
	report(ctx, k.what, &k.away, err)
	return k.value, nil
}

// report leaves one line when reading begins to fail, and one when it works again.
func report(ctx context.Context, what string, away *bool, err error) {
	switch {
	case !turned(away, err):
	case err != nil:
		slog.WarnContext(ctx, "cannot be read again, the last known are used", "what", what, "error", err)
	default:
		slog.InfoContext(ctx, "read again", "what", what)
	}
}

// turned takes the outcome of a reading and says whether it differs from the last one's.
func turned(away *bool, err error) bool {
	was := *away
	*away = err != nil
	return was != *away
}
