#include "common/http/status_server.h"

#include <pthread.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/http/status_session.h"
#include "common/rpc/address.h"

namespace gitops {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

constexpr int kMaxConnections = 256;

absl::Status CannotListen(const Address& address, const error_code& error) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address.ToString(), ": ", error.message()));
}

// Counts a connection as long as its session lives, however that ends.
class Slot {
 public:
  explicit Slot(int& used) : used_(used) { ++used_; }
  ~Slot() { --used_; }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  int& used_;
};

template <typename Acceptor>
error_code Open(Acceptor& acceptor, const typename Acceptor::endpoint_type& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  if constexpr (std::is_same_v<Acceptor, tcp::acceptor>) {
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (endpoint.protocol() == tcp::v6()) {
      // As gRPC does: every interface means those with IPv4 addresses too.
      acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
    }
  }
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

class StatusServerImpl : public StatusServer {
 public:
  explicit StatusServerImpl(StatusServerOptions options) : options_(std::move(options)) {}

  ~StatusServerImpl() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    if (!unix_path_.empty()) unlink(unix_path_.c_str());
  }

  const std::string& address() const override { return address_; }

  absl::Status Start() {
    absl::StatusOr<Address> address = ParseAddress(options_.listen);
    if (!address.ok()) return address.status();
    absl::Status status = address->is_unix() ? ListenUnix(*address) : ListenTcp(*address);
    if (!status.ok()) return status;
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "status-http");
      Serve();
    });
    return absl::OkStatus();
  }

 private:
  absl::Status ListenUnix(const Address& address) {
    if (absl::Status status = RemoveStaleSocket(address.unix_path); !status.ok()) return status;
    local::acceptor acceptor(context_);
    if (const error_code error = Open(acceptor, local::endpoint(address.unix_path))) {
      return CannotListen(address, error);
    }
    unix_path_ = address.unix_path;
    address_ = address.ToString();
    asio::co_spawn(context_, Accept(std::move(acceptor)), asio::detached);
    return absl::OkStatus();
  }

  absl::Status ListenTcp(Address address) {
    absl::StatusOr<tcp::endpoint> endpoint = Resolve(address);
    if (!endpoint.ok()) return endpoint.status();
    tcp::acceptor acceptor(context_);
    error_code error = Open(acceptor, *endpoint);
    if (error == asio::error::address_family_not_supported && address.host.empty()) {
      error = Open(acceptor, tcp::endpoint(tcp::v4(), endpoint->port()));
    }
    if (error) return CannotListen(address, error);
    address.port = acceptor.local_endpoint(error).port();
    if (absl::EqualsIgnoreCase(address.host, "localhost")) address.host = "127.0.0.1";
    address_ = address.Dialable().ToString();
    asio::co_spawn(context_, Accept(std::move(acceptor)), asio::detached);
    return absl::OkStatus();
  }

  absl::StatusOr<tcp::endpoint> Resolve(const Address& address) {
    const auto port = static_cast<asio::ip::port_type>(address.port);
    if (address.host.empty()) return tcp::endpoint(tcp::v6(), port);
    error_code error;
    // One address, the same that the RPC server takes, so that a busy port cannot be overlooked.
    if (absl::EqualsIgnoreCase(address.host, "localhost")) {
      return tcp::endpoint(asio::ip::address_v4::loopback(), port);
    }
    const auto literal = asio::ip::make_address(address.host, error);
    if (!error) return tcp::endpoint(literal, port);
    const auto found =
        tcp::resolver(context_).resolve(address.host, std::to_string(address.port), error);
    if (error || found.empty()) return CannotListen(address, error);
    return found.begin()->endpoint();
  }

  template <typename Acceptor>
  asio::awaitable<void> Accept(Acceptor acceptor) {
    while (true) {
      auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
      if (error) {
        // Out of file descriptors, as a rule: trying again at once would spin.
        asio::steady_timer pause(context_, std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        continue;
      }
      if (connections_ >= kMaxConnections) continue;  // closes it
      asio::co_spawn(context_, Talk(std::move(socket)), asio::detached);
    }
  }

  asio::awaitable<void> Talk(asio::generic::stream_protocol::socket socket) {
    const Slot slot(connections_);
    co_await ServeStatusConnection(std::move(socket), options_);
  }

  // A session that throws (out of memory) ends alone; the others go on.
  void Serve() {
    while (!context_.stopped()) {
      try {
        context_.run();
      } catch (const std::exception&) {
      }
    }
  }

  const StatusServerOptions options_;
  std::string address_;
  std::string unix_path_;
  int connections_ = 0;  // of the server's thread; outlives the sessions in context_
  asio::io_context context_{1};
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StatusServer>> StatusServer::Start(StatusServerOptions options) {
  const std::string listen = options.listen;
  // Asio and std::thread throw where the system gives no descriptor or thread.
  try {
    auto server = std::make_unique<StatusServerImpl>(std::move(options));
    if (absl::Status status = server->Start(); !status.ok()) return status;
    return server;
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", listen, ": ", error.what()));
  }
}

}  // namespace gitops
