//! The server: what runs on each core, from listening to draining.
//!
//! ```text
//!   nursery of the core ── serve, one for each place ── connection, one child each
//! ```

use crate::echo::echo;
use crate::listening::Listener;
use crate::options::Options;
use crate::service::Service;
use nestling::{Core, Cores, Runtime, Stats, io::nursery, serve, stats};
use std::io;
use std::sync::Arc;

/// Serves on all these cores until the stop; tells what each core's driver has counted.
///
/// # Errors
///
/// The runtime cannot start, or a listener broke. What happens to one connection is no error of
/// the server.
pub(crate) fn run(service: &Arc<Service>, cores: Cores) -> io::Result<Vec<Stats>> {
    let service = Arc::clone(service);
    let builder = Runtime::builder().name("echo").cores(cores);
    builder.run(async move |core| run_on(core, &service).await)
}

/// The service of an echo server. No client can connect before it runs.
///
/// # Errors
///
/// A place to listen cannot be taken; the error names it.
pub(crate) fn service(options: &Options) -> io::Result<Arc<Service>> {
    Service::new(&options.listen, options.limit, options.drain).map(Arc::new)
}

/// What one core does.
async fn run_on(core: Core, service: &Service) -> io::Result<Stats> {
    let listeners = service.listen().await?;
    nursery(async |n| {
        for listener in listeners {
            match listener {
                Listener::Tcp(listener) => {
                    // A piece that is less than a packet shall not wait for the client to
                    // acknowledge the last.
                    n.spawn(serve(listener, service.how(), async |stream, _| {
                        stream.set_nodelay(true)?;
                        echo(stream.split()).await
                    }))
                }
                Listener::Unix(listener) => {
                    n.spawn(serve(listener, service.how(), async |stream, _| {
                        echo(stream.split()).await
                    }))
                }
            };
        }
        service.attend(core, n)
    })
    .await
    .map(|()| stats())
}
