//! `Clock`: a service with a call that waits, one that streams, and one that counts.
//!
//! tonic asks for services and streams that are `Send`; these stay on their core, which
//! `SendWrapper` checks. Code generated from a `.proto` would look like `Service::call` here.

use crate::messages::{Count, Nothing, Pause, Ticks};
use nestling::Spawner;
use nestling::sync::channel;
use nestling::sync::channel::Receiver;
use nestling::time::sleep;
use send_wrapper::SendWrapper;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

#[derive(Clone)]
pub(crate) struct Clock {
    calls: SendWrapper<Rc<Cell<u64>>>,
}

/// A call that has not ended.
struct Call(Rc<Cell<u64>>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

type Counts = SendWrapper<Receiver<Result<Count, Status>>>;

impl Clock {
    fn begin(&self) -> Call {
        self.calls.set(self.calls.get() + 1);
        Call(Rc::clone(&self.calls))
    }

    async fn wait(&self, request: Request<Pause>) -> Result<Response<Count>, Status> {
        let (_call, count) = (self.begin(), request.get_ref().millis);
        sleep(Duration::from_millis(count)).await;
        Ok(Response::new(Count { count }))
    }

    /// What it answers is made by a child of the call, which ends with that.
    async fn tick(&self, request: Request<Ticks>) -> Result<Response<Counts>, Status> {
        let (call, ticks) = (self.begin(), request.get_ref().clone());
        let (sender, receiver) = channel(1);
        let child = async move {
            let _call = call;
            for count in 1..=ticks.count {
                sleep(Duration::from_millis(ticks.millis)).await;
                if sender.send(Ok(Count { count })).await.is_err() {
                    break;
                }
            }
        };
        let spawner: Option<&Spawner> = request.extensions().get();
        match spawner.is_some_and(|spawner| spawner.spawn(child).is_ok()) {
            true => Ok(Response::new(SendWrapper::new(receiver))),
            false => Err(Status::cancelled("the call is ending")),
        }
    }

    async fn calls(&self, _: Request<Nothing>) -> Result<Response<Count>, Status> {
        Ok(Response::new(Count { count: self.calls.get() }))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self { calls: SendWrapper::new(Rc::default()) }
    }
}

impl NamedService for Clock {
    const NAME: &'static str = "example.Clock";
}

impl Service<http::Request<Body>> for Clock {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = SendWrapper<Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let clock = self.clone();
        SendWrapper::new(Box::pin(async move {
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Wait") => {
                    let wait = service_fn(|request| clock.wait(request));
                    Grpc::new(ProstCodec::default()).unary(wait, request).await
                }
                Some("Tick") => {
                    let tick = service_fn(|request| clock.tick(request));
                    Grpc::new(ProstCodec::default()).server_streaming(tick, request).await
                }
                Some("Calls") => {
                    let calls = service_fn(|request| clock.calls(request));
                    Grpc::new(ProstCodec::default()).unary(calls, request).await
                }
                _ => Status::unimplemented("there is no such call").into_http(),
            })
        }))
    }
}
