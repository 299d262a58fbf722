#include "common/http/listener.h"

#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/address.h"

namespace gitops {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

absl::Status CannotListen(const Address& address, const error_code& error) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address.ToString(), ": ", error.message()));
}

error_code BindTcp(HttpAcceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (endpoint.protocol() == tcp::v6()) {
    // As in gRPC: all interfaces include those with IPv4 addresses.
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  acceptor.bind(endpoint, error);
  if (error) acceptor.close();
  return error;
}

absl::StatusOr<tcp::endpoint> Resolve(asio::io_context& context, const Address& address) {
  const auto port = static_cast<asio::ip::port_type>(address.port);
  if (address.host.empty()) return tcp::endpoint(tcp::v6(), port);
  // The same address as the RPC server's, so that a port in use is detected.
  if (absl::EqualsIgnoreCase(address.host, "localhost")) {
    return tcp::endpoint(asio::ip::address_v4::loopback(), port);
  }
  error_code error;
  const auto literal = asio::ip::make_address(address.host, error);
  if (!error) return tcp::endpoint(literal, port);
  const auto found =
      tcp::resolver(context).resolve(address.host, std::to_string(address.port), error);
  if (error || found.empty()) return CannotListen(address, error);
  return found.begin()->endpoint();
}

// Sets the port of `address` to the one that was bound.
absl::Status ListenTcp(asio::io_context& context, HttpAcceptor& acceptor, Address& address) {
  const absl::StatusOr<tcp::endpoint> endpoint = Resolve(context, address);
  if (!endpoint.ok()) return endpoint.status();
  error_code error = BindTcp(acceptor, *endpoint);
  if (error == asio::error::address_family_not_supported && address.host.empty()) {
    error = BindTcp(acceptor, tcp::endpoint(tcp::v4(), endpoint->port()));
  }
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return CannotListen(address, error);
  const auto bound = acceptor.local_endpoint();
  tcp::endpoint local;
  local.resize(bound.size());
  std::memcpy(local.data(), bound.data(), bound.size());
  address.port = local.port();
  if (absl::EqualsIgnoreCase(address.host, "localhost")) address.host = "127.0.0.1";
  return absl::OkStatus();
}

absl::Status ListenUnix(HttpAcceptor& acceptor, const Address& address) {
  if (absl::Status status = RemoveStaleSocket(address.unix_path); !status.ok()) return status;
  error_code error;
  acceptor.open(asio::local::stream_protocol(), error);
  if (!error) acceptor.bind(asio::local::stream_protocol::endpoint(address.unix_path), error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error ? CannotListen(address, error) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Open(asio::io_context& context,
                                                                 const std::string& listen) {
  absl::StatusOr<Address> address = ParseAddress(listen);
  if (!address.ok()) return address.status();
  HttpAcceptor acceptor(context);
  const absl::Status status =
      address->is_unix() ? ListenUnix(acceptor, *address) : ListenTcp(context, acceptor, *address);
  if (!status.ok()) return status;
  return std::unique_ptr<HttpListener>(
      new HttpListener(std::move(acceptor), address->Dialable().ToString(), address->unix_path));
}

HttpListener::HttpListener(HttpAcceptor acceptor, std::string address, std::string unix_path)
    : acceptor_(std::move(acceptor)),
      address_(std::move(address)),
      unix_path_(std::move(unix_path)) {}

HttpListener::~HttpListener() {
  if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

}  // namespace gitops
