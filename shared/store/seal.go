package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrKey says that the data key is missing or of the wrong size.
var ErrKey = errors.New("QIANFAN_DATA_KEY: want 32 bytes in base64")

// ErrSealed says that sealed data was made with another key, or is damaged.
var ErrSealed = errors.New("sealed data does not open")

// Sealer encrypts personal data at rest with AES-256-GCM. Sealed = format byte, nonce, ciphertext.
type Sealer struct{ aead cipher.AEAD }

const sealFormat = 1

// NewSealer makes a Sealer of a 32-byte key.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != 32 {
		return nil, ErrKey
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &Sealer{aead: aead}, nil
}

// Seal encrypts v as JSON.
func (s *Sealer) Seal(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	out := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	out[0] = sealFormat
	if _, err := rand.Read(out[1:]); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s.aead.Seal(out, out[1:], plain, nil), nil
}

// Open decrypts into v.
func (s *Sealer) Open(sealed []byte, v any) error {
	head := 1 + s.aead.NonceSize()
	if len(sealed) < head || sealed[0] != sealFormat {
		return ErrSealed
	}
	plain, err := s.aead.Open(nil, sealed[1:head], sealed[head:], nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSealed, err)
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return nil
}
