package importer

import (
	"context"
	"fmt"
	"io"
	"os"
)

// A dump is the source, to be read several times.
type dump struct {
	src   io.ReadSeeker
	start int64
	size  int64
	spool *os.File // to be removed
	gzip  bool
	// packed counts what the present sweep has read of a gzip file.
	packed *countingReader
}

// open makes src a dump, through a temporary file if it cannot seek.
func open(ctx context.Context, src io.Reader, dir string) (*dump, error) {
	d := &dump{}
	if seeker, ok := src.(io.ReadSeeker); ok {
		start, err := seeker.Seek(0, io.SeekCurrent) // a pipe fails here
		if err == nil {
			d.src, d.start = seeker, start
			return d, d.measure()
		}
	}
	file, err := os.CreateTemp(dir, "durin-import-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	d.src, d.spool = file, file
	if _, err := io.Copy(file, &cancelReader{ctx, src}); err != nil {
		d.close()
		return nil, fmt.Errorf("importer: reading the dump: %w", err)
	}
	return d, d.measure()
}

func (d *dump) measure() error {
	end, err := d.src.Seek(0, io.SeekEnd)
	if err != nil {
		d.close()
		return fmt.Errorf("importer: reading the dump: %w", err)
	}
	d.size = end - d.start
	return d.sniff()
}

// sniff finds out whether the source is a gzip file.
func (d *dump) sniff() error {
	if _, err := d.src.Seek(d.start, io.SeekStart); err != nil {
		d.close()
		return fmt.Errorf("importer: reading the dump: %w", err)
	}
	var magic [2]byte
	_, err := io.ReadFull(d.src, magic[:])
	d.gzip = err == nil && magic == [2]byte{0x1F, 0x8B}
	return nil // what cannot be read is told when it is
}

// rewind returns a scanner from the beginning. What is packed is unpacked in each
// sweep, so that nothing of it lies about.
func (d *dump) rewind(ctx context.Context) (*scanner, error) {
	if _, err := d.src.Seek(d.start, io.SeekStart); err != nil {
		return nil, fmt.Errorf("importer: reading the dump again: %w", err)
	}
	src := &cancelReader{ctx, d.src}
	if !d.gzip {
		return newScanner(src), nil
	}
	d.packed = &countingReader{r: src}
	return newScanner(&unpacker{packed: d.packed}), nil
}

// read is how much of the source the present sweep has read, where it has got to
// offset of what is in it.
func (d *dump) read(offset int64) int64 {
	if d.gzip {
		return d.packed.n
	}
	return offset
}

func (d *dump) close() {
	if d.spool != nil {
		_ = d.spool.Close()
		_ = os.Remove(d.spool.Name())
	}
}

// A cancelReader ends when its context does.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
