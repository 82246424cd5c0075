//! The listening socket and the thread that serves it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{State, router};

/// Where the API listens unless told otherwise: all interfaces, as probes and Prometheus come from
/// outside.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8000);

/// Why the API does not run.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address is not one.
    #[error("`{0}` is no address to listen on: write a port (8000), or host:port (127.0.0.1:8000)")]
    Address(String),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}; choose another port, 0 takes any free one")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The system gives no thread or no event queue.
    #[error("cannot start the http server: {0}")]
    Start(io::Error),
}

/// The running API. Stops when told to or dropped, after the answers that were begun.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Reads what a user may write: `8000`, `:8000`, `127.0.0.1:8000`, `[::1]:8000`.
pub fn parse_listen(text: &str) -> Result<SocketAddr, ApiError> {
    let port = text.strip_prefix(':').unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::new(DEFAULT_LISTEN.ip(), port)),
        Err(_) => text.parse().map_err(|_| ApiError::Address(text.to_owned())),
    }
}

/// Binds `address` and serves on it. When this returns the port answers, port 0 having become a
/// free one.
pub fn serve(address: SocketAddr, state: State) -> Result<Server, ApiError> {
    let listener = TcpListener::bind(address).map_err(|error| ApiError::Bind { address, error })?;
    listener.set_nonblocking(true).map_err(ApiError::Start)?;
    let address = listener.local_addr().map_err(ApiError::Start)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ApiError::Start)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let work = move || {
        let served = runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let until = async move {
                // An error says that the server was dropped, which ends it as well.
                drop(stopped.await);
            };
            axum::serve(listener, router(state)).with_graceful_shutdown(until).await
        });
        if let Err(error) = served {
            tracing::error!(%error, "the http server ended");
        }
    };
    let thread =
        std::thread::Builder::new().name("http".to_owned()).spawn(work).map_err(ApiError::Start)?;
    tracing::info!(%address, "http listens");
    Ok(Server { address, stop: Some(stop), thread: Some(thread) })
}

impl Server {
    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening; waits for the answers that were begun.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the http thread panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
