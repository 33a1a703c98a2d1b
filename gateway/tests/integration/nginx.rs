//! A real nginx behind the gateway.

use std::{
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use http::Method;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::{
    client::{self, full, request},
    eventually,
    gateway::Setup,
    ports, tools, upstream,
};

pub(crate) struct Nginx {
    child: Child,
    _folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl Nginx {
    pub(crate) async fn start() -> Self {
        // nginx cannot bind to port 0 and say which one it got.
        Self::start_at(ports::reserved()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        fs::write(folder.path().join("large.bin"), vec![5; 3_000_000]).unwrap();
        let config = format!(
            "worker_processes 1; daemon off; master_process off; pid {path}/pid; error_log stderr;
             events {{}}
             http {{
               access_log off; client_max_body_size 10m;
               client_body_temp_path {path}/a; proxy_temp_path {path}/b; fastcgi_temp_path {path}/c;
               uwsgi_temp_path {path}/d; scgi_temp_path {path}/e;
               server {{
                 listen {address};
                 location /large {{ alias {path}/large.bin; }}
                 location /hello {{ return 200 'hello $host'; }}
                 location /gone {{ return 410; }}
                 location /compressed {{ gzip on; gzip_proxied any; gzip_min_length 1; gzip_types *; alias {path}/large.bin; }}
               }}
             }}"
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let child = Command::new(tools::nginx())
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .args(["-p", folder.path().to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            child,
            _folder: folder,
            address,
        };
        eventually("nginx", || async {
            TcpStream::connect(address).await.is_ok()
        })
        .await;
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_real_nginx_behind_the_gateway() {
    let nginx = Nginx::start().await;
    let gateway = Setup::proxy_to(nginx.address).start().await;
    assert!(
        gateway
            .get("/hello")
            .await
            .text()
            .starts_with("hello 127.0.0.1")
    );
    assert_eq!(gateway.get("/gone").await.status(), 410);
    let large = gateway.get("/large").await;
    assert_eq!(
        (large.status().as_u16(), large.body.len()),
        (200, 3_000_000)
    );
    let part = request(Method::GET, gateway.address(), "/large")
        .header("range", "bytes=10-19")
        .body(client::empty());
    let part = client::send(gateway.address(), part.unwrap()).await;
    assert_eq!(
        (part.status().as_u16(), part.header("content-range")),
        (206, Some("bytes 10-19/3000000"))
    );
    let sent = request(Method::GET, gateway.address(), "/compressed")
        .header("accept-encoding", "gzip")
        .body(client::empty());
    let compressed = client::send(gateway.address(), sent.unwrap()).await;
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert!(compressed.body.starts_with(&[0x1f, 0x8b]));
    let upload = request(Method::POST, gateway.address(), "/large")
        .body(full(vec![0; 1_000_000]))
        .unwrap();
    assert_eq!(client::send(gateway.address(), upload).await.status(), 405);
}

/// nginx closes a kept connection when it likes: the next request must not suffer from it.
#[tokio::test]
async fn connections_that_an_upstream_closed_are_not_used() {
    let nginx = Nginx::start().await;
    let address = nginx.address;
    let gateway = Setup::proxy_to(address)
        .settings("workers: 1")
        .start()
        .await;
    for _ in 0..5 {
        assert_eq!(gateway.get("/hello").await.status(), 200);
    }
    drop(nginx);
    eventually("nginx to be gone", || async {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    assert_eq!(gateway.get("/hello").await.status(), 502);
    let other = upstream::echo().await;
    gateway.write(
        "routes.d/routes.yaml",
        format!("upstreams: {{ up: 'http://{other}' }}\nroutes: [{{ name: all, to: up }}]"),
    );
    eventually("the other upstream", || async {
        gateway.get("/hello").await.status() == 200
    })
    .await;
}
