//! The way through a proxy of the environment: an HTTP tunnel (`CONNECT`), whatever goes through it.

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;

use crate::address::ServerAddress;
use crate::config::Config;
use crate::dial::Trail;
use crate::error::{Error, ErrorKind, code};
use crate::stream::{self, Stream};

/// The proxy for the server of `config`, where the environment names one.
pub(crate) fn on_the_way(config: &Config) -> Option<Intercept> {
    if !config.use_proxy {
        return None;
    }
    Matcher::from_env().intercept(&config.address.to_string().parse::<Uri>().ok()?)
}

/// Opens a stream to the server through `proxy`.
pub(crate) async fn tunnel(config: &Config, proxy: &Intercept, trail: &Trail) -> Result<Stream, Error> {
    let stream = reach(config, proxy.uri(), trail).await?;
    trail.enter("the proxy's answer".to_owned());
    let target = &config.address;
    let through = format!("{}:{}", target.bracketed_host(), target.port());
    let mut request = Request::builder().method(Method::CONNECT).uri(&through).header(HOST, &through);
    if let Some(login) = proxy.basic_auth() {
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
async fn reach(config: &Config, proxy: &Uri, trail: &Trail) -> Result<Stream, Error> {
    let address = proxy
        .authority()
        .and_then(|authority| {
            ServerAddress::parse(&format!("{}://{authority}", proxy.scheme_str().unwrap_or("http"))).ok()
        })
        .ok_or_else(|| no_proxy("only http:// and https:// proxies are known"))?;
    let tcp = stream::tcp(&address, trail).await.map_err(|e| match trail.is_empty() {
        true => no_proxy(e),
        false => no_proxy(trail),
    })?;
    if !address.is_secure() {
        return Ok(Box::new(tcp));
    }
    // The pins are those of the server, not of the proxy.
    let trusted = Config { pins: Vec::new(), ..config.clone() };
    stream::secure(&trusted, &address, Box::new(tcp), trail).await
}

fn no_proxy(error: impl std::fmt::Display) -> Error {
    let reason = format!("no way through the proxy: {error}");
    Error::new(ErrorKind::Unreachable, code::PROXY_FAILED, reason)
}
