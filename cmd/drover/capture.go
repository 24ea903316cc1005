package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDocument is the longest document, and the longest line, that a capture may hold, in bytes.
const maxDocument = 64 << 20

// splitter takes JSON documents out of a stream, whatever way they were put together: one to a line, one after another,
// indented, or in an array; and all of that compressed with gzip. What is no document is passed on, too, since an audit has
// to say so: up to the end of its line, or up to the next line that is a whole document.
type splitter struct {
	each func(line int, doc []byte) // doc is valid until it returns
	max  int                        // longest document or line; 0: maxDocument

	line    int // that is being read, from 1
	array   bool
	pending []byte // a document that goes on in the next line
	from    int    // line where it began
	scan    braces
}

// read goes through a stream.
func (c *splitter) read(in io.Reader) error {
	plain, err := unzipped(in)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(plain)
	if c.max == 0 {
		c.max = maxDocument
	}
	lines.Buffer(make([]byte, 0, min(c.max, 1<<16)), c.max)
	for lines.Scan() {
		c.line++
		if err := c.next(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes", c.line+1, c.max)
	} else if err != nil {
		return err
	}
	c.give()
	return nil
}

// unzipped is a stream without the compression by gzip that it may have.
func unzipped(in io.Reader) (*bufio.Reader, error) {
	head := bufio.NewReaderSize(in, 1<<16)
	if magic, _ := head.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return head, nil
	}
	z, err := gzip.NewReader(head)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(z, 1<<16), nil
}

// next takes one line.
func (c *splitter) next(line []byte) error {
	if len(c.pending) > 0 && bytes.HasPrefix(line, []byte(`{"`)) && json.Valid(line) && !c.scan.inList() {
		c.give() // a document was cut off, and this is the next one
	}
	rest := bytes.TrimSpace(line)
	for {
		if len(c.pending) > 0 {
			end := c.scan.end(rest)
			if end < 0 {
				if c.pending = append(append(c.pending, rest...), '\n'); len(c.pending) > c.max {
					return fmt.Errorf("the document that begins in line %d is longer than %d bytes", c.from, c.max)
				}
				if c.scan.text {
					c.give() // no text goes over the end of a line: this was cut off
				}
				return nil
			}
			c.pending = append(c.pending, rest[:end]...)
			rest = rest[end:]
			c.give()
		}
		rest = bytes.TrimLeft(rest, " \t\r")
		switch {
		case len(rest) == 0:
			return nil
		case rest[0] == '[' && !c.array:
			c.array = true
			rest = rest[1:]
			continue
		case rest[0] == ']' && c.array:
			c.array = false
			rest = rest[1:]
			continue
		case rest[0] == ',' && c.array:
			rest = rest[1:]
			continue
		}
		c.from, c.scan = c.line, braces{}
		if rest[0] != '{' {
			c.pending = append(c.pending, rest...)
			c.give()
			return nil
		}
		if end := c.scan.end(rest); end > 0 { // the usual case copies nothing
			c.each(c.line, rest[:end])
			rest = rest[end:]
			continue
		}
		c.scan = braces{}
		c.pending = append(c.pending, rest[0])
		c.scan.end(rest[:1])
		rest = rest[1:]
	}
}

// give passes on what is pending.
func (c *splitter) give() {
	if len(c.pending) > 0 {
		c.each(c.from, c.pending)
		c.pending = c.pending[:0]
	}
}

// braces finds the end of a JSON object by counting.
type braces struct {
	depth, lists int
	text         bool // inside of a string
	escape       bool
}

// inList reports whether an array is open.
func (b *braces) inList() bool { return b.lists > 0 }

// end goes on with the next part of the object and returns where it ends in that, or -1.
func (b *braces) end(part []byte) int {
	for i, c := range part {
		switch {
		case b.escape:
			b.escape = false
		case b.text:
			b.escape = c == '\\'
			b.text = c != '"'
		case c == '"':
			b.text = true
		case c == '{':
			b.depth++
		case c == '[':
			b.lists++
		case c == ']':
			b.lists--
		case c == '}':
			if b.depth--; b.depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
