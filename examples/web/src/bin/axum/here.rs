//! `here`: handlers and state that stay on their core, where axum asks for `Send`.

use axum::extract::{FromRequest, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use send_wrapper::SendWrapper;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A state that all handlers of a core share. Elsewhere, using it panics.
pub(crate) type Shared<T> = SendWrapper<Rc<T>>;

/// A handler with one argument: an extractor, or several as a tuple.
#[derive(Clone)]
pub(crate) struct Here<F>(F);

/// Lets a handler wait for what is of its core, such as sleeps and sockets.
pub(crate) fn here<F>(handler: F) -> Here<F> {
    Here(handler)
}

impl<F, R, X, M, S> Handler<(M, X), S> for Here<F>
where
    F: Fn(X) -> R + Clone + Send + Sync + 'static,
    R: Future<Output: IntoResponse>,
    X: FromRequest<S, M> + 'static,
    S: Send + Sync + 'static,
{
    type Future = SendWrapper<Pin<Box<dyn Future<Output = Response>>>>;

    fn call(self, request: Request, state: S) -> Self::Future {
        SendWrapper::new(Box::pin(async move {
            match X::from_request(request, &state).await {
                Ok(extracted) => self.0(extracted).await.into_response(),
                Err(rejection) => rejection.into_response(),
            }
        }))
    }
}
