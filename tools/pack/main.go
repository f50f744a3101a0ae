// Command pack makes an archive of a folder, the same bytes for the same files:
// in order of their names, owned by root, with one time for all.
//
//	pack OUT.tar.gz|OUT.zip FOLDER
//
// SOURCE_DATE_EPOCH is the time, in seconds. Files keep whether they can be
// executed, and nothing else.
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("pack OUT.tar.gz|OUT.zip FOLDER")
	}
	epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	out, err := os.Create(args[0])
	if err != nil {
		return err
	}
	pack := packTar
	if strings.HasSuffix(args[0], ".zip") {
		pack = packZip
	}
	return errors.Join(pack(out, args[1], time.Unix(epoch, 0).UTC()), out.Close())
}

// each visits the files below folder in order, by their names from its parent.
func each(folder string, visit func(name string, mode int64, data []byte) error) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Dir(folder), path)
		if err != nil {
			return err
		}
		mode := int64(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		return visit(filepath.ToSlash(name), mode, data)
	})
}

func packTar(out io.Writer, folder string, at time.Time) error {
	zipped, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zipped)
	err = each(folder, func(name string, mode int64, data []byte) error {
		header := &tar.Header{Name: name, Mode: mode, Size: int64(len(data)), ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := archive.Write(data)
		return err
	})
	return errors.Join(err, archive.Close(), zipped.Close())
}

func packZip(out io.Writer, folder string, at time.Time) error {
	archive := zip.NewWriter(out)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	err := each(folder, func(name string, mode int64, data []byte) error {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at}
		header.SetMode(fs.FileMode(mode))
		w, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	return errors.Join(err, archive.Close())
}
