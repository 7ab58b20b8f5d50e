//! The way through a proxy of the environment: an HTTP tunnel (`CONNECT`), whatever goes through it.

use std::env;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;

use crate::address::ServerAddress;
use crate::dial::Trail;
use crate::error::{Error, ErrorKind, code};
use crate::stream::{self, Stream};
use crate::tls::{Tls, Trust};

/// A proxy, and what it needs to be told.
pub(crate) struct Proxy {
    address: ServerAddress,
    login: Option<HeaderValue>,
    tls: Option<Tls>,
}

impl Proxy {
    /// The proxy that the environment names for a server at `address`, by the variables that curl reads.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) names the variable that holds no usable proxy. Its value is not
    /// in the error, since it may hold a password.
    pub(crate) fn find(address: &ServerAddress, trust: &Trust) -> Result<Option<Self>, Error> {
        let Some((variable, value)) = named(address) else { return Ok(None) };
        let unusable = || {
            let reason = format_args!(
                "the environment variable {variable} must be the URL of a proxy, such as http://proxy.example:3128; \
                 it begins with http:// or https://"
            );
            Error::invalid(code::PROXY_FAILED, reason)
        };
        let proxy = intercept(&value, "", address).ok_or_else(unusable)?;
        let url = format!(
            "{}://{}",
            proxy.uri().scheme_str().unwrap_or_default(),
            proxy.uri().authority().map_or("", |authority| authority.as_str())
        );
        let address = ServerAddress::parse(&url).map_err(|_| unusable())?;
        // Pins are keys of the server, not of the proxy.
        let tls = Tls::of(&address, trust, &[])?;
        Ok(Some(Self { address, login: proxy.basic_auth().cloned(), tls }))
    }

    /// Opens a stream to `target` through the proxy.
    pub(crate) async fn tunnel(&self, target: &ServerAddress, trail: &Trail) -> Result<Stream, Error> {
        let stream = self.reach(trail).await?;
        trail.enter("the proxy's answer".to_owned());
        let through = format!("{}:{}", target.bracketed_host(), target.port());
        let mut request = Request::builder().method(Method::CONNECT).uri(&through).header(HOST, &through);
        if let Some(login) = &self.login {
            request = request.header(PROXY_AUTHORIZATION, login);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(no_proxy)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(no_proxy)?;
        let ask = async {
            let response = sender.send_request(request).await.map_err(no_proxy)?;
            if !response.status().is_success() {
                return Err(no_proxy(format_args!("it answered {}", response.status())));
            }
            hyper::upgrade::on(response).await.map_err(no_proxy)
        };
        // The proxy's connection lives in this future until it is a tunnel, so that giving up closes it.
        let connection = connection.with_upgrades();
        tokio::pin!(ask, connection);
        let tunnel = tokio::select! {
            tunnel = &mut ask => tunnel?,
            ended = &mut connection => {
                ended.map_err(no_proxy)?;
                ask.await?
            }
        };
        Ok(Box::new(TokioIo::new(tunnel)))
    }

    /// Opens a stream to the proxy itself.
    async fn reach(&self, trail: &Trail) -> Result<Stream, Error> {
        let tcp = stream::tcp(&self.address, trail).await.map_err(|e| match trail.is_empty() {
            true => no_proxy(e),
            false => no_proxy(trail),
        })?;
        match &self.tls {
            Some(tls) => tls.connect(Box::new(tcp), trail).await,
            None => Ok(Box::new(tcp)),
        }
    }
}

/// The environment variable that names a proxy for `address`, and its value; none if `NO_PROXY` excludes the address.
fn named(address: &ServerAddress) -> Option<(&'static str, String)> {
    // In a CGI program, a client's `Proxy` header would be `HTTP_PROXY`.
    if env::var_os("REQUEST_METHOD").is_some() {
        return None;
    }
    let own = if address.is_secure() { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let found = own.into_iter().chain(["ALL_PROXY", "all_proxy"]).find_map(set)?;
    let excluded =
        ["NO_PROXY", "no_proxy"].into_iter().find_map(set).map_or_else(String::new, |(_, value)| value);
    intercept("http://any.invalid", &excluded, address).map(|_| found)
}

fn set(name: &'static str) -> Option<(&'static str, String)> {
    let value = env::var_os(name).filter(|value| !value.is_empty())?;
    Some((name, value.to_string_lossy().into_owned()))
}

fn intercept(proxy: &str, excluded: &str, address: &ServerAddress) -> Option<Intercept> {
    let uri: Uri = address.to_string().parse().ok()?;
    Matcher::builder().all(proxy.to_owned()).no(excluded.to_owned()).build().intercept(&uri)
}

fn no_proxy(error: impl std::fmt::Display) -> Error {
    let reason = format!("no way through the proxy: {error}");
    Error::new(ErrorKind::Unreachable, code::PROXY_FAILED, reason)
}
