// The HTTP server over loopback: requests per second, and memory per idle connection.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/http/hmac.h"
#include "common/http/raw_client.h"
#include "common/http/server.h"

namespace gitops {
namespace {

// The size of a Flux event.
const std::string& Body() {
  static const std::string body(600, 'e');
  return body;
}

const Secret& Key() {
  static const Secret key("a key of some thirty-two bytes..");
  return key;
}

std::unique_ptr<HttpServer> StartServer(size_t max_connections) {
  HttpServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.max_connections = max_connections;
  options.idle_timeout = absl::Minutes(10);
  options.routes = {
      {.method = "GET", .path = "/ok", .handler = RespondWith([](const HttpServerRequest&) {
                                         return HttpServerResponse{.body = "ok"};
                                       })},
      {.method = "POST",
       .path = "/events/{name}",
       .handler = RespondWith([](const HttpServerRequest& request) -> HttpServerResponse {
         const bool good =
             VerifySignature(request.Header(kSignatureHeader), Key(), request.body).ok();
         return {.status = good ? 202 : 401, .body = ""};
       }),
       .max_body = 1 << 20}};
  return *HttpServer::Start(std::move(options));
}

void Ask(benchmark::State& state, const std::string& request, const std::string& expected) {
  static std::unique_ptr<HttpServer> server;
  if (state.thread_index() == 0) server = StartServer(1000);
  std::unique_ptr<RawClient> client;
  for (auto _ : state) {
    if (client == nullptr) client = std::make_unique<RawClient>(server->addresses()[0]);
    client->Send(request);
    if (client->ReadAnswer().compare(0, expected.size(), expected) != 0) {
      state.SkipWithError("unexpected answer");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
  client.reset();
  if (state.thread_index() == 0) server->Stop(absl::Seconds(1));
}

void BM_Get(benchmark::State& state) {
  Ask(state, "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
}
BENCHMARK(BM_Get)->Threads(1)->Threads(32)->UseRealTime();

void BM_SignedPost(benchmark::State& state) {
  const std::string request = absl::StrCat(
      "POST /events/web HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Signature: ",
      *Sign("sha256", Key(), Body()), "\r\nContent-Length: ", Body().size(), "\r\n\r\n", Body());
  Ask(state, request, "HTTP/1.1 202");
}
BENCHMARK(BM_SignedPost)->Threads(1)->Threads(32)->UseRealTime();

// Bytes of resident memory.
size_t Resident() {
  size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * 4096;
}

// Connections that have asked once and stay open.
void BM_IdleConnections(benchmark::State& state) {
  const size_t count = state.range(0);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2 * count + 100) {
    state.SkipWithError("the limit of open files is too low: both ends are in this process");
    return;
  }
  for (auto _ : state) {
    const auto server = StartServer(count);
    std::vector<std::unique_ptr<RawClient>> clients;
    clients.reserve(count);
    const size_t before = Resident();
    for (size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<RawClient>(server->addresses()[0]));
      clients.back()->Send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
      clients.back()->ReadUntil("\r\n\r\nok");
    }
    state.counters["bytes_each"] = static_cast<double>(Resident() - before) / count;
  }
}
BENCHMARK(BM_IdleConnections)->Arg(1000)->Arg(9000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gitops

BENCHMARK_MAIN();
