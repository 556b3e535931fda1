//! What stands in the attribute's parentheses.

use proc_macro2::{Ident, Span};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Lit, LitStr, Result, Token};

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
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        let mut named = None;
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            match option.to_string().as_str() {
                "cores" => once(&option, &mut options.cores, cores(&value(&option, input)?)?)?,
                "name" => {
                    once(&option, &mut options.name, name(value(&option, input)?)?)?;
                    named = Some(option.span());
                }
                other => {
                    let text = format!("unknown option `{other}`: there are `cores` and `name`");
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
    if option == "cores" { CORES } else { NAME }
}

const CORES: &str = "`cores = 2` or `cores = \"all\"`";
const NAME: &str = "`name = \"…\"`";

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
