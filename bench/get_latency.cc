// Times the REST of a service and of a host at the gateway, and the plain gRPC calls that it stands
// for, in turn, one at a time. Prints the seconds of each as one line of JSON:
//
//   get_latency --gateway 127.0.0.1:8000 --token-file T --planner ADDRESS --agent ADDRESS
//               --host web1 --service app
#include <grpcpp/grpcpp.h>
#include <poll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bench/http_connection.h"
#include "common/clock/clock.h"
#include "common/rpc/status.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops {
namespace {

struct Options {
  std::string gateway, token_file, planner, agent, host, service;
  int rounds = 3000, warmup = 300;
};

// Each returns the error of one call.
using Call = std::function<absl::Status()>;

class Rest {
 public:
  absl::Status Open(const std::string& address, const std::string& token) {
    headers_ = absl::StrCat(" HTTP/1.1\r\nHost: ", address, "\r\nAuthorization: Bearer ", token,
                            "\r\n\r\n");
    return connection_.Open(address);
  }

  absl::Status Get(const std::string& path) {
    absl::Status sent = connection_.Send(absl::StrCat("GET ", path, headers_));
    while (sent.ok()) {
      pollfd ready = {.fd = connection_.fd(), .events = POLLIN, .revents = 0};
      poll(&ready, 1, 10'000);
      const auto answer = connection_.Receive();
      if (!answer.ok()) return answer.status();
      if (!answer->has_value() && ready.revents == 0) {
        return absl::DeadlineExceededError(absl::StrCat(path, " has no answer"));
      }
      if (!answer->has_value()) continue;
      if ((*answer)->status == 200) return absl::OkStatus();
      return absl::InternalError(absl::StrCat(path, " has the status ", (*answer)->status));
    }
    return sent;
  }

 private:
  HttpConnection connection_;
  std::string headers_;
};

absl::StatusOr<double> Time(const Call& call) {
  const SteadyTime began = Clock::System()->SteadyNow();
  if (absl::Status status = call(); !status.ok()) return status;
  return absl::ToDoubleSeconds(Clock::System()->SteadyNow() - began);
}

nlohmann::json Summary(std::vector<double> took) {
  std::sort(took.begin(), took.end());
  return {{"p50", took[took.size() / 2]}, {"p99", took[took.size() * 99 / 100]}};
}

absl::StatusOr<nlohmann::json> Measure(const std::map<std::string, Call>& calls,
                                       const Options& options) {
  std::map<std::string, std::vector<double>> took;
  for (int round = 0; round < options.warmup + options.rounds; ++round) {
    for (const auto& [name, call] : calls) {
      const absl::StatusOr<double> seconds = Time(call);
      if (!seconds.ok()) return seconds.status();
      if (round >= options.warmup) took[name].push_back(*seconds);
    }
  }
  nlohmann::json found;
  for (auto& [name, values] : took) found[name] = Summary(std::move(values));
  return found;
}

template <typename Stub>
std::shared_ptr<typename Stub::Stub> StubAt(const std::string& address) {
  return Stub::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
}

absl::Status Run(const Options& options) {
  std::ifstream file(options.token_file);
  std::string token;
  if (!(file >> token)) {
    return absl::NotFoundError(absl::StrCat("cannot read a token in ", options.token_file));
  }
  Rest rest;
  if (absl::Status opened = rest.Open(options.gateway, token); !opened.ok()) return opened;
  const auto agent = StubAt<v1::AgentService>(options.agent);
  const auto planner = StubAt<v1::PlannerService>(options.planner);
  const std::string host = absl::StrCat("/v1/hosts/", options.host);
  const std::string service = absl::StrCat(host, "/services/", options.service);
  const Call get_service = [&] {
    grpc::ClientContext context;
    v1::GetServiceRequest request;
    v1::GetServiceResponse response;
    request.set_service(options.service);
    return FromGrpcStatus(agent->GetService(&context, request, &response));
  };
  const Call get_host = [&] {
    grpc::ClientContext context;
    v1::GetHostRequest request;
    v1::GetHostResponse response;
    request.set_host(options.host);
    return FromGrpcStatus(planner->GetHost(&context, request, &response));
  };
  const auto found = Measure({{"rest_service", [&] { return rest.Get(service); }},
                              {"grpc_service", get_service},
                              {"rest_host", [&] { return rest.Get(host); }},
                              {"grpc_host", get_host}},
                             options);
  if (!found.ok()) return found.status();
  std::cout << found->dump() << "\n";
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Times reads through the gateway and by gRPC.", "get_latency");
  app.add_option("--gateway", options.gateway, "IPV4:PORT of the gateway")->required();
  app.add_option("--token-file", options.token_file, "file with a token")->required();
  app.add_option("--planner", options.planner, "address of the planner")->required();
  app.add_option("--agent", options.agent, "address of the host's agent")->required();
  app.add_option("--host", options.host)->required();
  app.add_option("--service", options.service)->required();
  app.add_option("--rounds", options.rounds)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const absl::Status ran = Run(options);
  if (ran.ok()) return 0;
  std::cerr << "get_latency: " << ran << "\n";
  return 1;
}

}  // namespace
}  // namespace gitops

int main(int argc, char** argv) { return gitops::Main(argc, argv); }
