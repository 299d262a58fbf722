#include "examples/hooks/server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/http/hmac.h"
#include "common/rpc/address.h"

namespace gitops::examples {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr size_t kLargestBody = 1 << 20;
constexpr std::chrono::seconds kClientTimeout{10};
constexpr std::chrono::seconds kLinger{2};
constexpr size_t kMostLingering = 16 << 20;
constexpr size_t kThreads = 64;

Response Answer(const Request& request, http::status status, std::string body,
                const char* type = "text/plain; charset=utf-8") {
  Response response(status, request.version());
  response.set(http::field::content_type, type);
  response.body() = std::move(body);
  response.keep_alive(request.keep_alive());
  response.prepare_payload();
  return response;
}

http::status StatusFor(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kFailedPrecondition:
      return http::status::locked;
    case absl::StatusCode::kAborted:
      return http::status::conflict;
    case absl::StatusCode::kUnavailable:
      return http::status::service_unavailable;
    case absl::StatusCode::kDeadlineExceeded:
      return http::status::gateway_timeout;
    case absl::StatusCode::kInvalidArgument:
      return http::status::bad_request;
    default:
      return http::status::internal_server_error;
  }
}

bool ReadHost(const nlohmann::json& json, HostActions& host) {
  if (!json.is_object() || !json.contains("host") || !json["host"].is_string()) return false;
  if (!json.contains("actions") || !json["actions"].is_array()) return false;
  host.host = json["host"];
  for (const nlohmann::json& action : json["actions"]) {
    if (!action.is_string()) return false;
    host.actions.push_back(action);
  }
  return true;
}

absl::Status ReadPayload(const std::string& body, bool& many, HookRequest& request) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  many = json.is_array();
  bool good = many || json.is_object();
  const nlohmann::json hosts = many ? json : nlohmann::json::array({json});
  for (size_t i = 0; good && i < hosts.size(); ++i) {
    request.hosts.emplace_back();
    good = ReadHost(hosts[i], request.hosts.back());
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the body is no payload of the form {\"host\": \"web1\", \"actions\": [\"sync\"]}, nor a "
      "list "
      "of those");
}

std::string WritePayload(const std::vector<HostActions>& hosts, bool many) {
  nlohmann::json list = nlohmann::json::array();
  for (const HostActions& host : hosts) {
    list.push_back({{"host", host.host}, {"actions", host.actions}});
  }
  const nlohmann::json& json = many ? list : list.at(0);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Header(const Request& request, const char* name) {
  const auto value = request[name];
  return std::string(value.data(), value.size());
}

// Reads on for a moment what the client still sends: a socket that is closed with unread data takes
// the answer back.
asio::awaitable<void> Linger(beast::tcp_stream& stream) {
  boost::system::error_code ignored;
  stream.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  stream.expires_after(kLinger);
  std::string waste(64 << 10, ' ');
  for (size_t seen = 0; seen < kMostLingering;) {
    auto [error, size] = co_await stream.async_read_some(asio::buffer(waste), kAwait);
    if (error) co_return;
    seen += size;
  }
}

class ServerImpl : public Server {
 public:
  ServerImpl(ServerOptions options, Tcp::endpoint endpoint)
      : options_(std::move(options)), acceptor_(io_, endpoint) {
    address_ = absl::StrCat(endpoint.address().to_string(), ":", acceptor_.local_endpoint().port());
    asio::co_spawn(io_, Accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~ServerImpl() override {
    io_.stop();
    thread_.join();
    pool_.stop();
    pool_.join();
  }
  const std::string& address() const override { return address_; }

 private:
  asio::awaitable<void> Accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwait);
      if (error == asio::error::operation_aborted) co_return;
      if (!error) asio::co_spawn(io_, Serve(std::move(socket)), asio::detached);
    }
  }

  asio::awaitable<void> Serve(Tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer;
    for (bool more = true; more;) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(kLargestBody);
      stream.expires_after(kClientTimeout);
      auto [error, size] = co_await http::async_read(stream, buffer, parser, kAwait);
      Response response;
      if (error == http::error::body_limit) {
        response = Answer(parser.get(), http::status::payload_too_large, "over 1 MiB\n");
        response.keep_alive(false);
      } else if (error) {
        co_return;
      } else {
        stream.expires_never();
        response = co_await HandleInPool(parser.get());
      }
      more = response.keep_alive();
      stream.expires_after(kClientTimeout);
      auto [failed, written] = co_await http::async_write(stream, response, kAwait);
      if (failed) co_return;
      if (error == http::error::body_limit) co_await Linger(stream);
    }
  }

  // A hook may wait for something.
  asio::awaitable<Response> HandleInPool(const Request& message) {
    const auto initiate = [this, &message](auto handler) {
      asio::post(pool_, [this, &message, handler = std::move(handler)]() mutable {
        asio::post(io_, [handler = std::move(handler), response = Handle(message)]() mutable {
          std::move(handler)(std::move(response));
        });
      });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Response)>(
        initiate, asio::use_awaitable);
  }

  Response Handle(const Request& message) const {
    const auto target = message.target();
    const auto hook = options_.hooks.find(std::string(target.data(), target.size()));
    if (hook == options_.hooks.end()) {
      return Answer(message, http::status::not_found, "there is no such hook\n");
    }
    if (message.method() != http::verb::post) {
      return Answer(message, http::status::method_not_allowed, "hooks are called with POST\n");
    }
    if (!options_.key.empty()) {
      const absl::Status signature =
          VerifySignature(Header(message, kSignatureHeader), options_.key, message.body());
      if (!signature.ok()) {
        return Answer(message, http::status::unauthorized, absl::StrCat(signature.message(), "\n"));
      }
    }
    HookRequest request;
    bool many = false;
    request.point = Header(message, "X-Gitops-Point");
    request.deployment = Header(message, "X-Gitops-Deployment");
    request.result = Header(message, "X-Gitops-Result");
    absl::Status read = ReadPayload(message.body(), many, request);
    if (read.ok()) {
      const absl::StatusOr<std::vector<HostActions>> answer = hook->second(request);
      if (answer.ok()) {
        return Answer(message, http::status::ok, WritePayload(*answer, many), "application/json");
      }
      read = answer.status();
    }
    return Answer(message, StatusFor(read.code()), absl::StrCat(read.message(), "\n"));
  }

  const ServerOptions options_;
  // All coroutines run on one thread: Clang 16 may keep the address of a thread-local variable over
  // a suspension, and Asio has such variables.
  asio::io_context io_{1};
  asio::thread_pool pool_{kThreads};  // of what the hooks do
  Tcp::acceptor acceptor_;
  std::string address_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  const absl::StatusOr<Address> address = ParseAddress(options.listen);
  if (!address.ok()) return address.status();
  boost::system::error_code error;
  const auto host = asio::ip::make_address(address->host, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen ", options.listen, ": give an IP address and a port"));
  }
  try {
    return std::make_unique<ServerImpl>(
        std::move(options), Tcp::endpoint(host, static_cast<unsigned short>(address->port)));
  } catch (const boost::system::system_error& failure) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address->ToString(), ": ", failure.what()));
  }
}

}  // namespace gitops::examples
