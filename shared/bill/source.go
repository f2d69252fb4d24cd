package bill

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	maxRow   = 4 << 10  // bytes of a row as it came: ten times what any form needs
	maxRaw   = 512      // bytes of Line.Raw, the column that keeps it
	readSize = 64 << 10 // bytes read and hashed at once
)

const bom = "\ufeff"

// errOversize is a row that is too long: skipped up to its end.
var errOversize = errors.New("oversize")

// source cuts a file into rows of UTF-8 text, counts and hashes it.
type source struct {
	in     *bufio.Reader
	hash   hash.Hash
	offset int64
	no     int      // of the row that was read last
	raw    []byte   // that row as it came, until the next one is read
	ended  bool     // it had its line end
	enc    Encoding // Auto until a byte beyond ASCII decides it
	gbk    *encoding.Decoder
	text   []byte // a row of GBK, decoded
}

func newSource(r io.Reader, enc Encoding) *source {
	s := &source{hash: sha256.New(), enc: enc, gbk: simplifiedchinese.GBK.NewDecoder()}
	s.in = bufio.NewReaderSize(io.TeeReader(r, s.hash), readSize)
	return s
}

// alien are beginnings of files that are no text in an encoding that we read.
var alien = []struct{ magic, what, remedy string }{
	{"\xff\xfe", "UTF-16", "save it as UTF-8 or GBK"},
	{"\xfe\xff", "UTF-16", "save it as UTF-8 or GBK"},
	{"PK\x03\x04", "a workbook (xlsx) or zip archive", "unpack it, or export CSV"},
	{"\xd0\xcf\x11\xe0", "a workbook (xls)", "export CSV"},
	{"\x1f\x8b", "a gzip archive", "unpack it"},
}

// begin looks at the first bytes: what kind of file it is, and whether it has a byte order mark.
func (s *source) begin() error {
	head, err := s.in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read bill: %w", err)
	}
	for _, a := range alien {
		if bytes.HasPrefix(head, []byte(a.magic)) {
			return &FileError{Reason: ReasonEncoding, Detail: fmt.Sprintf("this is %s: %s", a.what, a.remedy)}
		}
	}
	if !bytes.HasPrefix(head, []byte(bom)) {
		return nil
	}
	if s.enc == GBK {
		return &FileError{Reason: ReasonEncoding, Detail: `UTF-8 with a byte order mark where the mapping says gbk: set its encoding to "auto"`}
	}
	s.enc = UTF8
	n, err := s.in.Discard(len(bom))
	s.offset += int64(n)
	return err
}

// row is the next row without its line end. errOversize comes with the beginning of the row.
func (s *source) row() (string, error) {
	raw, err := s.in.ReadSlice('\n')
	s.offset += int64(len(raw))
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read bill: %w", err)
	}
	if errors.Is(err, io.EOF) && len(raw) == 0 {
		return "", io.EOF
	}
	s.no++
	s.ended = err == nil
	if len(raw) > maxRow {
		head := s.beginning(raw[:maxRaw])
		return head, s.skip(err)
	}
	raw = bytes.TrimSuffix(raw, []byte("\n"))
	s.raw = bytes.TrimSuffix(raw, []byte("\r"))
	return s.decode(s.raw)
}

// skip goes on to the end of a row whose beginning had no room, and says errOversize.
func (s *source) skip(err error) error {
	for errors.Is(err, bufio.ErrBufferFull) {
		var more []byte
		more, err = s.in.ReadSlice('\n')
		s.offset += int64(len(more))
		s.ended = err == nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read bill: %w", err)
	}
	return errOversize
}

// beginning is a part of a row for people, whatever its encoding.
func (s *source) beginning(raw []byte) string {
	s.raw = nil
	if s.enc == GBK {
		s.decodeGBK(raw)
		raw = s.text
	}
	return string(bytes.ToValidUTF8(raw, []byte("?")))
}

// decode makes a row UTF-8. The first row with a byte beyond ASCII decides what Auto is: Chinese
// text of more than a few signs is never valid in both encodings.
func (s *source) decode(raw []byte) (string, error) {
	if s.enc == Auto && !ascii(raw) {
		s.enc = GBK
		if utf8.Valid(raw) {
			s.enc = UTF8
		}
	}
	if s.enc != GBK {
		if utf8.Valid(raw) {
			return string(raw), nil
		}
		return "", s.broken()
	}
	if ascii(raw) {
		return string(raw), nil
	}
	if !s.decodeGBK(raw) {
		return "", s.broken()
	}
	return string(s.text), nil
}

// decodeGBK puts a row of GBK into s.text and tells whether all of it was GBK.
func (s *source) decodeGBK(raw []byte) bool {
	if s.text == nil {
		s.text = make([]byte, 0, 3*maxRow) // a byte of GBK is at most three of UTF-8
	}
	s.gbk.Reset()
	n, _, err := s.gbk.Transform(s.text[:cap(s.text)], raw, true)
	s.text = s.text[:n]
	return err == nil && !bytes.ContainsRune(s.text, utf8.RuneError)
}

// broken is a row that is not in the file's encoding. Half a sign at a file's end is a file
// that was cut there.
func (s *source) broken() error {
	if !s.ended && s.no > 1 {
		return cut(s.no)
	}
	if err := s.mistaken(); err != nil {
		return err
	}
	return &FileError{Reason: ReasonEncoding, No: s.no, Detail: "bytes that are neither UTF-8 nor GBK: fetch the file again"}
}

// mistaken says which other encoding the present row may be in; nil = none that we can tell.
func (s *source) mistaken() error {
	detail := ""
	switch {
	case bytes.IndexByte(s.raw, 0) >= 0:
		detail = "NUL bytes, perhaps UTF-16: save it as UTF-8 or GBK"
	case s.enc == GBK && !ascii(s.raw) && utf8.Valid(s.raw):
		detail = `not GBK, but UTF-8: set the mapping's encoding to "auto" or "utf-8"`
	case s.enc == UTF8 && !utf8.Valid(s.raw) && s.decodeGBK(s.raw):
		detail = `not UTF-8, perhaps GBK: set the mapping's encoding to "auto" or "gbk"`
	default:
		return nil
	}
	return &FileError{Reason: ReasonEncoding, No: s.no, Detail: detail}
}

// cut is a file that ends within its row no.
func cut(no int) *FileError {
	return &FileError{Reason: ReasonTruncated, No: no, Detail: "the file ends without its footer: fetch it again"}
}

// sum is the SHA-256 of what was read, in hex.
func (s *source) sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }

func ascii(raw []byte) bool {
	for _, b := range raw {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
