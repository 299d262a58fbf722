#include "common/http/server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/http/connection.h"
#include "common/http/event_loop.h"
#include "common/http/exchange_state.h"
#include "common/http/listener.h"
#include "common/http/server_certificate.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

namespace asio = boost::asio;

// How soon a server that is full, or out of file descriptors, tries again.
constexpr std::chrono::milliseconds kPause{20};

class HttpServerImpl : public HttpServer {
 public:
  explicit HttpServerImpl(HttpServerOptions options) : context_(std::move(options)) {
    const HttpServerOptions& given = context_.options;
    const int threads = std::max(1, given.event_threads);
    for (int i = 0; i < threads; ++i) {
      loops_.push_back(std::make_unique<HttpEventLoop>(
          given, (given.max_connections + threads - 1) / threads, [this] {
            MutexLock lock(mutex_);
            emptied_.NotifyAll();
          }));
    }
  }

  ~HttpServerImpl() override { Stop(absl::ZeroDuration()); }

  const std::vector<std::string>& addresses() const override { return addresses_; }

  absl::Status Start() {
    for (const HttpRoute& route : context_.options.routes) {
      if (absl::Status status = context_.router.Add(route.method, route.path); !status.ok()) {
        return status;
      }
      if (route.in_pool && context_.options.pool_threads < 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("the route ", route.path, " needs a pool, and pool_threads is 0"));
      }
    }
    if (const HttpServerOptions& given = context_.options; !given.tls_certificate.empty()) {
      auto certificate = ServerCertificate::Load(given.tls_certificate, given.tls_key);
      if (!certificate.ok()) return certificate.status();
      certificate_ = *std::move(certificate);
    }
    for (const std::string& listen : context_.options.listen) {
      auto listener = HttpListener::Open(loops_[0]->context(), listen);
      if (!listener.ok()) return listener.status();
      addresses_.push_back((*listener)->address());
      listeners_.push_back(*std::move(listener));
      asio::co_spawn(loops_[0]->context(), Accept(listeners_.back()->acceptor()), asio::detached);
    }
    if (context_.options.pool_threads > 0) context_.pool.emplace(context_.options.pool_threads);
    for (const auto& loop : loops_) loop->Run("http");
    started_ = true;
    return absl::OkStatus();
  }

  bool Responds(absl::Duration most) override {
    const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(most);
    std::vector<std::future<void>> answers;
    for (const auto& loop : loops_) {
      // Shared: a thread that hangs may take it up after this function has returned.
      auto answer = std::make_shared<std::promise<void>>();
      answers.push_back(answer->get_future());
      asio::post(loop->context(), [answer] { answer->set_value(); });
    }
    return std::all_of(answers.begin(), answers.end(), [deadline](std::future<void>& answer) {
      return answer.wait_until(deadline) == std::future_status::ready;
    });
  }

  void Stop(absl::Duration grace) override {
    if (!std::exchange(started_, false)) return;
    OnEachLoop([this](HttpEventLoop& loop) {
      if (&loop == loops_[0].get()) CloseListeners();
      loop.Drain();
    });
    WaitForConnections(grace);
    OnEachLoop([](HttpEventLoop& loop) { loop.CloseAll(); });
    for (const auto& loop : loops_) loop->Stop();
    listeners_.clear();
    if (!context_.pool.has_value()) return;
    context_.pool->stop();
    context_.pool->join();
  }

 private:
  HttpAwaitable<void> Accept(HttpAcceptor& acceptor) {
    HttpTimer pause(loops_[0]->context());
    while (acceptor.is_open()) {
      // Reserve a place only for an existing client.
      auto [failed] = co_await acceptor.async_wait(HttpAcceptor::wait_read, kHttpAwait);
      if (failed) co_return;
      HttpEventLoop* const loop = ReservePlace();
      if (loop == nullptr) {
        pause.expires_after(kPause);
        co_await pause.async_wait(kHttpAwait);
        continue;
      }
      auto [error, socket] = co_await acceptor.async_accept(loop->context(), kHttpAwait);
      if (error) {
        loop->Unreserve();
        if (error == asio::error::operation_aborted) co_return;
        // Usually there is no free file descriptor.
        for (const auto& each : loops_) asio::post(each->context(), [&each] { each->Evict(); });
        pause.expires_after(kPause);
        co_await pause.async_wait(kHttpAwait);
        continue;
      }
      auto tls = certificate_ == nullptr ? nullptr
                                         : certificate_->Current(std::chrono::steady_clock::now());
      asio::post(loop->context(),
                 [this, loop, tls = std::move(tls), socket = std::move(socket)]() mutable {
                   ServeHttpConnection(*loop, context_, std::move(socket), tls.get());
                 });
    }
  }

  // The next loop in turn that is not full; null: all are full.
  HttpEventLoop* ReservePlace() {
    for (size_t i = 0; i < loops_.size(); ++i) {
      HttpEventLoop& loop = *loops_[next_++ % loops_.size()];
      if (loop.Reserve()) return &loop;
    }
    return nullptr;
  }

  void CloseListeners() {
    for (const auto& listener : listeners_) {
      boost::system::error_code ignored;
      listener->acceptor().close(ignored);
    }
  }

  // Returns when `function` has returned.
  template <typename Function>
  void OnEachLoop(const Function& function) {
    for (const auto& loop : loops_) {
      std::promise<void> done;
      asio::post(loop->context(), [&] {
        function(*loop);
        done.set_value();
      });
      done.get_future().wait();
    }
  }

  void WaitForConnections(absl::Duration most) {
    const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(most);
    MutexLock lock(mutex_);
    while (std::any_of(loops_.begin(), loops_.end(),
                       [](const auto& loop) { return loop->size() > 0; }) &&
           emptied_.WaitUntil(mutex_, deadline)) {
    }
  }

  HttpServerContext context_;
  std::unique_ptr<ServerCertificate> certificate_;  // null: plain text
  std::vector<std::string> addresses_;
  bool started_ = false;
  size_t next_ = 0;  // used by the first loop's thread
  Mutex mutex_;
  CondVar emptied_;
  std::vector<std::unique_ptr<HttpEventLoop>> loops_;
  std::vector<std::unique_ptr<HttpListener>> listeners_;
};

}  // namespace

HttpExchange::HttpExchange(std::shared_ptr<HttpExchangeState> state) : state_(std::move(state)) {}
HttpExchange::~HttpExchange() { state_->Abandon(); }
const HttpServerRequest& HttpExchange::request() const { return state_->request; }
void HttpExchange::Respond(HttpServerResponse response) { state_->Respond(std::move(response)); }
void HttpExchange::Start(HttpServerResponse head) { state_->Start(std::move(head)); }
absl::Status HttpExchange::Write(std::string data, absl::Duration patience) {
  return state_->Write(std::move(data), patience);
}
void HttpExchange::OnRoom(std::function<void()> callback) { state_->OnRoom(std::move(callback)); }
void HttpExchange::Finish() { state_->Finish(); }
void HttpExchange::OnCancel(std::function<void()> callback) {
  state_->OnCancel(std::move(callback));
}
void HttpExchange::OnEnd(std::function<void(int status)> callback) {
  state_->OnEnd(std::move(callback));
}

HttpHandler RespondWith(std::function<HttpServerResponse(const HttpServerRequest&)> function) {
  return [function = std::move(function)](std::unique_ptr<HttpExchange> exchange) {
    exchange->Respond(function(exchange->request()));
  };
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options) {
  const std::string listen = absl::StrJoin(options.listen, ", ");
  // Asio and std::thread throw if no descriptor or thread can be created.
  try {
    auto server = std::make_unique<HttpServerImpl>(std::move(options));
    if (absl::Status status = server->Start(); !status.ok()) return status;
    return server;
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", listen, ": ", error.what()));
  }
}

}  // namespace gitops
