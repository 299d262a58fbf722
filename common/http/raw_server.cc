#include "common/http/raw_server.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

// A listening socket on a free port.
int Listen(int* port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 512) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("cannot listen for a test");
  }
  *port = ntohs(address.sin_port);
  return fd;
}

// Ends all waits of a server.
class StopFlag {
 public:
  void Set() {
    MutexLock lock(mutex_);
    set_ = true;
    changed_.NotifyAll();
  }
  bool IsSet() {
    MutexLock lock(mutex_);
    return set_;
  }
  void WaitFor(absl::Duration duration) {
    const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(duration);
    MutexLock lock(mutex_);
    while (!set_ && changed_.WaitUntil(mutex_, deadline)) {
    }
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

class Connection : public RawConnection {
 public:
  Connection(int fd, SSL_CTX* tls, StopFlag& stop) : fd_(fd), stop_(stop) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, fd_);
    good_ = SSL_accept(ssl_) == 1;
    ERR_clear_error();
  }
  ~Connection() override {
    if (ssl_ != nullptr) {
      if (good_) SSL_shutdown(ssl_);
      SSL_free(ssl_);
    }
    close(fd_);
  }

  bool good() const { return good_; }

  bool Read(Request& request) override {
    size_t head = 0;
    while ((head = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!More()) return false;
    }
    const std::vector<std::string> lines =
        absl::StrSplit(absl::string_view(pending_).substr(0, head), "\r\n");
    const std::vector<std::string> words = absl::StrSplit(lines[0], ' ');
    request = {};
    request.method = words[0];
    if (words.size() > 1) request.target = words[1];
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::pair<std::string, std::string> header =
          absl::StrSplit(lines[i], absl::MaxSplits(':', 1));
      request.headers[absl::AsciiStrToLower(header.first)] =
          std::string(absl::StripAsciiWhitespace(header.second));
    }
    size_t length = 0;
    (void)absl::SimpleAtoi(request.headers["content-length"], &length);
    while (pending_.size() < head + 4 + length) {
      if (!More()) return false;
    }
    request.body = pending_.substr(head + 4, length);
    pending_.erase(0, head + 4 + length);
    return true;
  }

  bool Send(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ssl_ != nullptr
                                ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  bool WaitForClose(absl::Duration most) override {
    const absl::Time deadline = absl::Now() + most;
    while (absl::Now() < deadline && !stop_.IsSet()) {
      pollfd waited{fd_, POLLIN, 0};
      if (poll(&waited, 1, 20) > 0 && !More()) return true;
    }
    return false;
  }

  void Pause(absl::Duration duration) override { stop_.WaitFor(duration); }

  void Reset() override {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

 private:
  bool More() {
    char buffer[16 * 1024];
    const ssize_t count = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof(buffer))
                                          : recv(fd_, buffer, sizeof(buffer), 0);
    if (count > 0) pending_.append(buffer, static_cast<size_t>(count));
    return count > 0;
  }

  const int fd_;
  StopFlag& stop_;
  SSL* ssl_ = nullptr;
  bool good_ = true;
  std::string pending_;
};

SSL_CTX* MakeTls(const RawServerOptions& options) {
  if (options.certificate_file.empty()) return nullptr;
  SSL_CTX* const tls = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(tls, options.certificate_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    Die("cannot read a test's certificate");
  }
  if (!options.client_ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(tls, options.client_ca_file.c_str(), nullptr) != 1) {
      Die("cannot read a test's authority");
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Otherwise a client that resumes its session is refused.
    constexpr unsigned char kContext[] = "test";
    SSL_CTX_set_session_id_context(tls, kContext, sizeof kContext);
  }
  return tls;
}

class RawServerImpl : public RawServer {
 public:
  explicit RawServerImpl(RawServerOptions options)
      : options_(std::move(options)), tls_(MakeTls(options_)), listener_(Listen(&port_)) {
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~RawServerImpl() override {
    stop_.Set();
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      MutexLock lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
    SSL_CTX_free(tls_);
  }

  int port() const override { return port_; }
  int connections() const override { return connections_; }

 private:
  void Accept() {
    int fd;
    while ((fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
      ++connections_;
      {
        MutexLock lock(mutex_);
        open_.push_back(fd);
      }
      threads_.emplace_back([this, fd] { Serve(fd); });
    }
  }

  void Serve(int fd) {
    Connection connection(fd, tls_, stop_);
    if (connection.good()) options_.serve(connection);
    MutexLock lock(mutex_);
    std::erase(open_, fd);
  }

  const RawServerOptions options_;
  SSL_CTX* const tls_;
  int port_ = 0;
  const int listener_;
  StopFlag stop_;
  std::atomic<int> connections_ = 0;
  Mutex mutex_;
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;  // of the acceptor, then of the destructor
  std::thread acceptor_;
};

}  // namespace

std::unique_ptr<RawServer> RawServer::Start(RawServerOptions options) {
  // OpenSSL writes to connections that the client has closed.
  std::signal(SIGPIPE, SIG_IGN);
  return std::make_unique<RawServerImpl>(std::move(options));
}

std::string HttpAnswer(int status, absl::string_view body, absl::string_view headers) {
  return absl::StrCat("HTTP/1.1 ", status, " Status\r\n", headers, "Content-Length: ", body.size(),
                      "\r\n\r\n", body);
}

int ClosedPort() {
  int port = 0;
  close(Listen(&port));
  return port;
}

}  // namespace gitops
