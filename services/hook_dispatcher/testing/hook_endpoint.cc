#include "services/hook_dispatcher/testing/hook_endpoint.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

std::function<HookEndpoint::Answer(const HookEndpoint::Request&)> Play(
    std::vector<HookEndpoint::Answer> script) {
  const auto next = std::make_shared<std::atomic<size_t>>(0);
  return [script = std::move(script), next](const HookEndpoint::Request&) {
    return script[std::min(next->fetch_add(1), script.size() - 1)];
  };
}

}  // namespace

HookEndpoint::HookEndpoint(std::vector<Answer> script, RawServerOptions tls)
    : HookEndpoint(Play(std::move(script)), std::move(tls)) {}

HookEndpoint::HookEndpoint(std::function<Answer(const Request&)> decide, RawServerOptions tls)
    : decide_(std::move(decide)), tls_(!tls.certificate_file.empty()) {
  tls.serve = [this](RawConnection& connection) { Serve(connection); };
  server_ = RawServer::Start(std::move(tls));
}

std::string HookEndpoint::url() const {
  return absl::StrCat(tls_ ? "https://localhost:" : "http://127.0.0.1:", server_->port(), "/hook");
}

std::vector<HookEndpoint::Request> HookEndpoint::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

bool HookEndpoint::AwaitRequests(size_t count) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  MutexLock lock(mutex_);
  while (requests_.size() < count) {
    if (!changed_.WaitUntil(mutex_, deadline)) return false;
  }
  return true;
}

void HookEndpoint::Serve(RawConnection& connection) {
  Request request;
  if (!connection.Read(request)) return;
  {
    MutexLock lock(mutex_);
    requests_.push_back(request);
    changed_.NotifyAll();
  }
  const Answer answer = decide_(request);
  if (answer.raw) {
    answer.raw(connection);
  } else {
    connection.Send(HttpAnswer(answer.status, answer.body.value_or(request.body), answer.headers));
  }
}

HookEndpoint::Answer Says(int status, std::string body, std::string headers) {
  return {.status = status, .body = std::move(body), .headers = std::move(headers), .raw = {}};
}

HookEndpoint::Answer Says(std::string body) { return Says(200, std::move(body)); }

HookEndpoint::Answer Agrees() { return {}; }

HookEndpoint::Answer Does(std::function<void(RawConnection&)> raw) {
  HookEndpoint::Answer answer;
  answer.raw = std::move(raw);
  return answer;
}

}  // namespace gitops
