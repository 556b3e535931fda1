//! The function below the attribute, and whether it can be started.

use crate::expand::Kind;
use crate::options::Options;
use proc_macro2::{Span, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, FnArg, Result, ReturnType, Signature, Type, Visibility};

/// A function, whose body is not parsed here: the compiler's words about it are better.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: TokenTree,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let start = input.span();
        let no_function = |_| Error::new(start, "this attribute belongs on an `async fn`");
        let visibility = input.parse().map_err(no_function)?;
        let signature = parse_signature(input, start)?;
        let body = input.parse()?;
        Ok(Self { attributes, visibility, signature, body })
    }
}

/// What is no function at all gets the attribute's words, what is one with a mistake the parser's.
fn parse_signature(input: ParseStream<'_>, start: Span) -> Result<Signature> {
    let ahead = input.fork();
    let words = std::iter::from_fn(|| ahead.parse::<TokenTree>().ok()).map(|word| word.to_string());
    let before_names = words.take_while(|word| !word.starts_with(['(', '{', ';', ':', '=']));
    let is_function = before_names.take(8).any(|word| word == "fn");
    match is_function {
        true => input.parse(),
        false => Err(Error::new(start, "this attribute belongs on an `async fn`")),
    }
}

impl Function {
    /// Whether the attribute can start it.
    pub(crate) fn check(&self, kind: Kind, options: &Options) -> Result<()> {
        let signature = &self.signature;
        let wrong =
            |at: &dyn ToTokens, text: &str| Err(Error::new_spanned(at.to_token_stream(), text));
        if signature.asyncness.is_none() {
            return wrong(&signature.fn_token, "it has to be an `async fn`: add `async`");
        }
        if let Some(unsafety) = &signature.unsafety {
            return wrong(unsafety, "the runtime calls it, so it cannot be `unsafe`");
        }
        if let Some(abi) = &signature.abi {
            return wrong(abi, "the runtime calls it, so it has Rust's calling convention");
        }
        if !signature.generics.params.is_empty() {
            return wrong(
                &signature.generics,
                "no call chooses its types, so it cannot be generic",
            );
        }
        if let Some(clause) = &signature.generics.where_clause {
            return wrong(clause, "no call chooses its types, so it cannot be generic");
        }
        self.check_name(kind)?;
        self.check_arguments(options)?;
        self.check_result(options)
    }

    fn check_name(&self, kind: Kind) -> Result<()> {
        let name = &self.signature.ident;
        let twice = self.attributes.iter().find(|attribute| attribute.path().is_ident("test"));
        match (kind, twice) {
            (Kind::Main, _) if name != "main" => Err(Error::new_spanned(
                name,
                "`#[nestling::main]` belongs on `main`; elsewhere call `nestling::block_on`, or \
                 `Builder::run` for several cores",
            )),
            (Kind::Test, Some(attribute)) => Err(Error::new_spanned(
                attribute,
                "`#[nestling::test]` makes it a test already: leave this out",
            )),
            _ => Ok(()),
        }
    }

    fn check_arguments(&self, options: &Options) -> Result<()> {
        let mut arguments = self.signature.inputs.iter();
        let Some(first) = arguments.next() else { return Ok(()) };
        let wrong = |at: &FnArg, text| Err(Error::new_spanned(at, text));
        match (first, arguments.next()) {
            (FnArg::Receiver(_), _) => wrong(first, "it has to be a function of no type"),
            (_, _) if options.cores.is_none() => wrong(
                first,
                "it takes no arguments; with the option `cores` it may take one, the \
                 `nestling::Core` that it runs on",
            ),
            (_, Some(second)) => {
                wrong(second, "it takes one argument at most, the `nestling::Core` that it runs on")
            }
            (FnArg::Typed(_), None) => Ok(()),
        }
    }

    /// What no type can say; other types are left to the compiler, which knows aliases.
    fn check_result(&self, options: &Options) -> Result<()> {
        match self.result().filter(|_| options.cores.is_some()) {
            Some(result @ (Type::ImplTrait(_) | Type::Never(_))) => Err(Error::new_spanned(
                result,
                "with the option `cores` it returns nothing or a `Result<(), E>`",
            )),
            _ => Ok(()),
        }
    }

    /// The type that it returns, unless it returns nothing.
    pub(crate) fn result(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, result) => Some(result),
        }
    }
}
