package proxytest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A hostile request is sent as it stands, however wrong it is.
type hostile struct {
	method, path string
	headers      []string // names and values, Host among them
	old          bool     // HTTP/1.0, without a Host of its own
	lines        string   // more of the head, for HTTP/1 alone
	body         string   // with its framing told in lines
}

func (h *hostile) host(fallback string) string {
	for i := 0; i < len(h.headers); i += 2 {
		if h.headers[i] == "Host" {
			return h.headers[i+1]
		}
	}
	return fallback
}

// sendTime is how long an answer may take.
const sendTime = 20 * time.Second

// send1 sends by HTTP/1. A connection that is closed without an answer has status
// 0.
func (w *world) send1(h hostile) answer {
	w.t.Helper()
	var b strings.Builder
	version := "HTTP/1.1"
	if h.old {
		version = "HTTP/1.0"
	}
	b.WriteString(h.method + " " + h.path + " " + version + "\r\n")
	if !h.old {
		b.WriteString("Host: " + h.host(w.proxy) + "\r\n")
	}
	for i := 0; i < len(h.headers); i += 2 {
		if h.headers[i] != "Host" {
			b.WriteString(h.headers[i] + ": " + h.headers[i+1] + "\r\n")
		}
	}
	b.WriteString(h.lines + "\r\n" + h.body)
	conn, err := net.Dial("tcp", w.proxy)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(sendTime))
	if _, err := io.WriteString(conn, b.String()); err != nil {
		w.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: h.method})
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return answer{header: http.Header{}}
	}
	if err != nil {
		w.t.Fatalf("%q: %v", b.String(), err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.answered(res.StatusCode, res.Header, text)
}

// answered is an answer with what the application saw, where it did.
func (w *world) answered(status int, header http.Header, body []byte) answer {
	a := answer{status, header, string(body), nil}
	if s := new(seen); status == 200 && json.Unmarshal(body, s) == nil && s.Method != "" {
		a.seen = s
	}
	return a
}

// dialTLS connects to the proxy, whatever the address.
func (w *world) dialTLS(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", w.tls)
}

// send2 sends by HTTP/2, frame by frame: a client would refuse to. A stream or
// connection that is reset has status 0.
func (w *world) send2(h hostile) answer {
	w.t.Helper()
	conn, err := tls.Dial("tcp", w.tls, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // a certificate of its own
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		w.t.Fatal("the proxy does not speak HTTP/2")
	}
	_ = conn.SetDeadline(time.Now().Add(sendTime))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		w.t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		w.t.Fatal(err)
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	field := func(name, value string) { _ = enc.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	field(":method", h.method)
	field(":scheme", "https")
	field(":authority", h.host(w.tls))
	field(":path", h.path)
	for i := 0; i < len(h.headers); i += 2 {
		if h.headers[i] != "Host" {
			field(strings.ToLower(h.headers[i]), h.headers[i+1])
		}
	}
	if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
		w.t.Fatal(err)
	}
	return w.read2(framer)
}

// read2 reads the answer of the first stream.
func (w *world) read2(framer *http2.Framer) answer {
	w.t.Helper()
	status, header, body := 0, http.Header{}, []byte(nil)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return answer{header: header}
			}
			w.t.Fatal(err)
		}
		ended := false
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				if field.Name != ":status" {
					header.Add(field.Name, field.Value)
					continue
				}
				for _, c := range field.Value {
					status = status*10 + int(c-'0')
				}
			}
			ended = f.StreamEnded()
		case *http2.DataFrame:
			body = append(body, f.Data()...)
			ended = f.StreamEnded()
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return answer{header: http.Header{}}
		}
		if ended {
			return w.answered(status, header, body)
		}
	}
}
