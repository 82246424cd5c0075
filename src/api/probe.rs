//! Asks a page of a running process: what `weir health` and a container's health check do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// The longest answer that is read; those of the probes are a few lines.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Status code.
    pub status: u16,
    /// The text.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The address cannot be used.
    #[error("`{0}` is no page to ask: write http://host:port/path")]
    Url(String),
    /// Nobody answers.
    #[error("{url} does not answer: {error}")]
    Silent {
        /// The page.
        url: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// What answers does not speak HTTP.
    #[error("{0} does not answer in http")]
    NotHttp(String),
}

/// Asks `http://host:port/path` and waits at most `timeout` for the whole answer.
pub fn probe(url: &str, timeout: Duration) -> Result<Probe, ProbeError> {
    let bad = || ProbeError::Url(url.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(bad)?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    if host.is_empty() || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(bad());
    }
    let port_given = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let target = if port_given { host.to_owned() } else { format!("{host}:80") };
    let silent = |error| ProbeError::Silent { url: url.to_owned(), error };

    let deadline = Instant::now() + timeout;
    let addresses: Vec<SocketAddr> = target.to_socket_addrs().map_err(silent)?.collect();
    let answer = ask(&addresses, host, path, deadline).map_err(silent)?;
    parse(&answer).ok_or_else(|| ProbeError::NotHttp(url.to_owned()))
}

fn ask(
    addresses: &[SocketAddr],
    host: &str,
    path: &str,
    deadline: Instant,
) -> std::io::Result<String> {
    let mut stream = connect(addresses, deadline)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let count = stream.read(&mut piece)?;
        answer.extend(piece.iter().take(count));
        if count == 0 || answer.len() as u64 > ANSWER_BYTES_MAX {
            return Ok(String::from_utf8_lossy(&answer).into_owned());
        }
    }
}

/// A name may stand for several addresses, of which not all need to listen.
fn connect(addresses: &[SocketAddr], deadline: Instant) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(address, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(std::io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn parse(answer: &str) -> Option<Probe> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split_whitespace().nth(1)?.parse().ok()?;
    Some(Probe { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A server that reads one request, gives one answer, and returns the request.
    fn server(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let count = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        (format!("http://{address}"), thread)
    }

    #[test]
    fn reads_status_and_body() {
        let (url, thread) = server("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nfailed\n");
        let answer = probe(&format!("{url}/readyz?verbose"), PATIENCE).unwrap();
        assert_eq!(answer, Probe { status: 503, body: "failed\n".to_owned() });
        assert!(thread.join().unwrap().starts_with("GET /readyz?verbose HTTP/1.0\r\n"));
    }

    #[test]
    fn says_what_does_not_answer() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}/readyz");
        let error = probe(&url, PATIENCE).unwrap_err();
        assert!(matches!(&error, ProbeError::Silent { .. }) && error.to_string().contains(&url));

        let (url, thread) = server("hello\r\n\r\n");
        assert!(matches!(probe(&url, PATIENCE), Err(ProbeError::NotHttp(_))));
        thread.join().unwrap();
    }

    #[test]
    fn does_not_wait_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let error = probe(&url, Duration::from_millis(30)).unwrap_err();
        assert!(matches!(error, ProbeError::Silent { .. }), "{error}");
    }

    #[test]
    fn refuses_what_is_no_page() {
        for url in ["", "localhost:8000", "https://a/", "http://", "http://a b/", "http:///x"] {
            assert!(matches!(probe(url, PATIENCE), Err(ProbeError::Url(_))), "{url}");
        }
    }
}
