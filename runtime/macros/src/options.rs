//! What stands in the attribute's parentheses.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Lit, LitStr, Path, Result, Token};

/// How many cores run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    All,
    Count(usize),
}

/// The options of an attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) cores: Option<Cores>,
    pub(crate) name: Option<LitStr>,
    /// Where the library is.
    library: Option<Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        let mut named = None;
        while !input.is_empty() {
            // `crate` is a keyword.
            let option = input.call(Ident::parse_any)?;
            match option.to_string().as_str() {
                "cores" => once(&option, &mut options.cores, cores(&value(&option, input)?)?)?,
                "name" => {
                    once(&option, &mut options.name, name(value(&option, input)?)?)?;
                    named = Some(option.span());
                }
                "crate" => {
                    once(&option, &mut options.library, library(&value(&option, input)?)?)?;
                }
                other => {
                    let known = "there are `cores`, `name` and `crate`";
                    let text = format!("unknown option `{other}`: {known}");
                    return Err(Error::new(option.span(), text));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        options.check(named)?;
        Ok(options)
    }
}

impl Options {
    /// The path of the library, from where the function is.
    pub(crate) fn library(&self) -> TokenStream {
        match &self.library {
            Some(path) => quote! { #path },
            None => quote! { ::nestling },
        }
    }

    fn check(&self, named: Option<Span>) -> Result<()> {
        match named.filter(|_| self.cores.is_none()) {
            Some(span) => Err(Error::new(
                span,
                "`name` names the threads that `cores` starts; without `cores` none is started",
            )),
            None => Ok(()),
        }
    }
}

fn once<T>(option: &Ident, place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        Some(_) => Err(Error::new(option.span(), format!("`{option}` is given twice"))),
        None => Ok(()),
    }
}

/// What stands behind an option's name.
fn value(option: &Ident, input: ParseStream<'_>) -> Result<Lit> {
    if !input.peek(Token![=]) {
        return Err(Error::new(
            option.span(),
            format!("`{option}` needs a value: {}", hint(option)),
        ));
    }
    input.parse::<Token![=]>()?;
    let start = input.span();
    input.parse().map_err(|_| Error::new(start, format!("expected {}", hint(option))))
}

fn hint(option: &Ident) -> &'static str {
    match () {
        () if option == "cores" => CORES,
        () if option == "name" => NAME,
        () => LIBRARY,
    }
}

const CORES: &str = "`cores = 2` or `cores = \"all\"`";
const NAME: &str = "`name = \"…\"`";
const LIBRARY: &str = "the path of the library, such as `crate = \"nestling\"`";

fn cores(value: &Lit) -> Result<Cores> {
    let wrong = |text: &str| Err(Error::new(value.span(), text));
    match value {
        Lit::Str(text) if text.value() == "all" => Ok(Cores::All),
        Lit::Int(number) => match number.base10_parse() {
            Ok(0) => wrong("at least one core has to run"),
            Ok(count) => Ok(Cores::Count(count)),
            Err(_) => wrong("no machine has so many cores"),
        },
        _ => wrong(&format!("expected {CORES}")),
    }
}

fn name(value: Lit) -> Result<LitStr> {
    match value {
        Lit::Str(text) if text.value().contains('\0') => {
            Err(Error::new(text.span(), "a thread cannot be named so: it contains a null"))
        }
        Lit::Str(text) => Ok(text),
        other => Err(Error::new(other.span(), format!("expected {NAME}"))),
    }
}

fn library(value: &Lit) -> Result<Path> {
    let wrong = || Error::new(value.span(), format!("expected {LIBRARY}"));
    let Lit::Str(text) = value else { return Err(wrong()) };
    text.parse_with(Path::parse_mod_style).map_err(|_| wrong())
}
