//! Request targets with characters that Azure's front ends let pass and the `http` crate
//! does not (`?<any>`): they are percent-encoded before hyper reads them.

use axum_server::accept::Accept;
use futures::TryFutureExt;
use futures::future::MapOk;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// An acceptor whose connections take such targets. It goes around one that takes TLS off.
#[derive(Clone)]
pub struct Lenient<A>(pub A);

impl<A: Accept<I, S>, I, S> Accept<I, S> for Lenient<A> {
    type Stream = Connection<A::Stream>;
    type Service = A::Service;
    type Future = MapOk<A::Future, fn((A::Stream, A::Service)) -> (Self::Stream, A::Service)>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        self.0.accept(stream, service).map_ok(|(stream, service)| {
            let rest = Vec::new();
            (Connection { stream, rest }, service)
        })
    }
}

/// A connection that rewrites the first line of each request.
pub struct Connection<S> {
    stream: S,
    /// What was read from the stream and not yet asked for: whoever reads a connection may
    /// begin with a few bytes only, and a line is changed whole.
    rest: Vec<u8>,
}

/// Bytes that are read at once.
const CHUNK: usize = 16 << 10;

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            let read = read.filled();
            self.rest = begun(read).unwrap_or_else(|| read.to_vec());
        }
        let fits = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..fits]);
        self.rest.drain(..fits);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// `read` with an encoded target, where it begins with a request line that needs it. A
/// request begins a read, because clients do not send the next one before the answer; a
/// body cannot be mistaken for one, because JSON has no such first line.
fn begun(read: &[u8]) -> Option<Vec<u8>> {
    let end = read.windows(2).position(|two| two == b"\r\n")?;
    let (line, rest) = read.split_at(end);
    let from = line.iter().position(|byte| *byte == b' ')? + 1;
    let to = line.iter().rposition(|byte| *byte == b' ')?;
    let method = &line[..from - 1];
    if to <= from
        || !line[to..].starts_with(b" HTTP/1.")
        || !method.iter().all(u8::is_ascii_uppercase)
        || !line[from..to].iter().any(|byte| strange(*byte))
    {
        return None;
    }
    let mut out = line[..from].to_vec();
    out.extend(encoded(&line[from..to]));
    out.extend(&line[to..]);
    out.extend(rest);
    Some(out)
}

/// A target with everything percent-encoded that no address has as it is.
pub fn encoded(target: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(target.len());
    for byte in target {
        if strange(*byte) {
            out.extend(format!("%{byte:02X}").bytes());
        } else {
            out.push(*byte);
        }
    }
    out
}

fn strange(byte: u8) -> bool {
    byte <= b' ' || byte >= 0x7f || b"<>\"\\^`{|}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_request_lines_that_need_it_are_changed() {
        let asked = b"GET /keys?<any> HTTP/1.1\r\nhost: a<b\r\n\r\n";
        let sent = begun(asked).unwrap();
        assert_eq!(sent, b"GET /keys?%3Cany%3E HTTP/1.1\r\nhost: a<b\r\n\r\n");
        let spaced = begun(b"GET /a b HTTP/1.1\r\n").unwrap();
        assert_eq!(spaced, b"GET /a%20b HTTP/1.1\r\n");
        for same in [
            &b"GET /keys?api-version=7.4 HTTP/1.1\r\nx: <y>\r\n"[..],
            b"{\"a\": \"<b> HTTP/1.1\"}\r\n",
            b"GET /keys?<any>",
        ] {
            assert_eq!(begun(same), None);
        }
    }
}
