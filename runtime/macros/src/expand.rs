//! The function that takes the place of the one below the attribute, and calls it.

use crate::function::Function;
use crate::options::{Cores, Options};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Result};

/// Which of the attributes it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

/// What takes the place of attribute and function; if something is wrong, the error.
pub(crate) fn attribute(kind: Kind, options: TokenStream, function: TokenStream) -> TokenStream {
    match expand(kind, options, function) {
        Ok(expanded) => expanded,
        Err(error) => {
            let error = error.to_compile_error();
            match kind {
                // Otherwise the compiler complains of a program without `main`, too.
                Kind::Main => quote! { #error fn main() {} },
                Kind::Test => error,
            }
        }
    }
}

pub(crate) fn expand(
    kind: Kind,
    options: TokenStream,
    function: TokenStream,
) -> Result<TokenStream> {
    let function: Function = syn::parse2(function)?;
    let options: Options = syn::parse2(options)?;
    function.check(kind, &options)?;
    let Function { attributes, visibility, signature, body } = &function;
    let (name, output) = (&signature.ident, &signature.output);
    let call = match &options.cores {
        None => {
            let start = start(kind, "", &options);
            quote! { #start(#name()) }
        }
        Some(cores) => on_cores(kind, cores, &options, &function),
    };
    let test = (kind == Kind::Test).then(|| quote! { #[::core::prelude::v1::test] });
    Ok(quote! {
        #(#attributes)*
        #test
        #visibility fn #name() #output {
            #signature #body
            #call
        }
    })
}

/// The function of the runtime that starts it.
fn start(kind: Kind, suffix: &str, options: &Options) -> TokenStream {
    let name = match kind {
        Kind::Main => "main",
        Kind::Test => "test",
    };
    let name = quote::format_ident!("{name}{suffix}");
    let library = options.library();
    quote! { #library::entry::#name }
}

fn on_cores(kind: Kind, cores: &Cores, options: &Options, function: &Function) -> TokenStream {
    let start = start(kind, "_on_cores", options);
    let library = options.library();
    let name = &function.signature.ident;
    let cores = match cores {
        Cores::All => quote! { #library::Cores::All },
        Cores::Count(count) => quote! { #library::Cores::Count(#count) },
    };
    let named = options.name.iter();
    let result = match function.result() {
        Some(result) => quote! { #result },
        None => quote! { () },
    };
    // What does not fit is shown at the type that does not fit.
    let called = match function.signature.inputs.first() {
        Some(FnArg::Typed(argument)) => quote_spanned! { argument.ty.span() => #name(core) },
        _ => quote! { #name() },
    };
    quote! {
        #start::<#result, _>(
            #library::Builder::default().cores(#cores) #(.name(#named))*,
            async |core| { let _: #library::Core = core; #called.await },
        )
    }
}
