package wire

// maxSkipDepth bounds the nesting of what is skipped, so that a hostile answer cannot exhaust the stack.
const maxSkipDepth = 100

// skip passes over one value of any shape, and checks it.
func (d *decoder) skip() { d.skipDepth(maxSkipDepth) }

func (d *decoder) skipDepth(depth int) {
	if depth == 0 {
		d.fail("nested too deep")
		return
	}
	switch c := d.peek(); c {
	case '"':
		// What text wrote to scratch is not wanted.
		n := len(d.scratch)
		d.text()
		d.scratch = d.scratch[:n]
	case '{', '[':
		d.pos++
		d.skipMembers(c, depth)
	case 't', 'f':
		d.bool()
	case 'n':
		if rest := d.data[d.pos:]; len(rest) < 4 || string(rest[:4]) != "null" {
			d.fail("want null")
			return
		}
		d.pos += 4
	default:
		d.number()
	}
}

func (d *decoder) skipMembers(open byte, depth int) {
	end := byte(']')
	if open == '{' {
		end = '}'
	}
	for n := 0; d.err == nil; n++ {
		if d.peek() == end {
			d.pos++
			return
		}
		if n > 0 && !d.expect(',', "a comma or an end") {
			return
		}
		if open == '{' {
			if d.peek() != '"' {
				d.fail("want the name of a field")
				return
			}
			d.skipDepth(depth)
			d.expect(':', "a colon after the name of the field")
		}
		d.skipDepth(depth - 1)
	}
}
