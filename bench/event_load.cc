// Sends signed Flux events over kept-alive connections, each the next one as soon as the one before
// is answered, and prints what it saw as one line of JSON:
//
//   event_load --address 127.0.0.1:8000 --path /pipelines/promotions/bench/app{}/dev --paths 64
//              --key-file KEY --expect 202 --seconds 10
//
// Every event has a revision of its own. "{}" in the path is the number of the connection, modulo
// --paths. Latency is from before the event is signed until its answer is read. Answers during the
// warm-up, and those that come after the end, count in "statuses" but not in the rate and the
// latencies. All events that were sent are waited for.
#include <sys/epoll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bench/flux_event.h"
#include "bench/http_connection.h"
#include "common/clock/clock.h"
#include "common/http/hmac.h"

namespace gitops {
namespace {

struct Options {
  std::string address, path, key_file;
  int expect = 202;  // other answers are only counted
  int connections = 64, paths = 1;
  double seconds = 10, warmup = 1;
  size_t size = 1024;
  std::string locations;  // a file for the distinct Locations, one a line; empty: none is required
};

// How long answers are waited for after the end.
constexpr absl::Duration kPatience = absl::Seconds(30);

class Load {
 public:
  Load(Options options, Secret key) : options_(std::move(options)), key_(std::move(key)) {}
  ~Load() {
    if (epoll_ >= 0) close(epoll_);
  }

  absl::Status Run();
  nlohmann::json Results() const;
  const std::unordered_set<std::string>& locations() const { return locations_; }

 private:
  struct Client {
    HttpConnection connection;
    std::string head;  // of its requests, up to the signature
    SteadyTime began;
    bool waits = false;
  };

  absl::Status Open();
  absl::Status Send(Client& client);
  absl::Status Receive(Client& client);
  absl::Status Count(const HttpAnswer& answer, absl::Duration took, SteadyTime now);

  const Options options_;
  const Secret key_;
  const int64_t run_ = absl::ToUnixMicros(absl::Now());
  int epoll_ = -1;
  std::vector<Client> clients_ = std::vector<Client>(options_.connections);
  SteadyTime from_, until_;
  int64_t sent_ = 0;
  int waiting_ = 0;
  std::map<int, int64_t> statuses_;
  std::string unexpected_;         // the first answer of another status
  std::vector<double> latencies_;  // seconds
  std::unordered_set<std::string> locations_;
};

absl::Status Load::Open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return absl::ErrnoToStatus(errno, "epoll_create1");
  for (size_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    if (absl::Status opened = client.connection.Open(options_.address); !opened.ok()) return opened;
    const std::string path =
        absl::StrReplaceAll(options_.path, {{"{}", absl::StrCat(i % options_.paths)}});
    client.head =
        absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: ", options_.address,
                     "\r\nContent-Type: application/json\r\nContent-Length: ", options_.size,
                     "\r\n", kSignatureHeader, ": ");
    epoll_event event = {.events = EPOLLIN, .data = {.u64 = i}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, client.connection.fd(), &event) != 0) {
      return absl::ErrnoToStatus(errno, "epoll_ctl");
    }
  }
  return absl::OkStatus();
}

absl::Status Load::Send(Client& client) {
  client.began = Clock::System()->SteadyNow();
  const std::string revision = absl::StrFormat("1.%d.%09d", run_, sent_++);
  const std::string body = FluxEvent(revision, absl::Now(), options_.size);
  if (body.size() != options_.size) {
    return absl::InvalidArgumentError(
        absl::StrCat("an event has at least ", body.size(), " bytes; give a larger --size"));
  }
  const absl::StatusOr<std::string> signature = Sign("sha256", key_, body);
  if (!signature.ok()) return signature.status();
  client.waits = true;
  ++waiting_;
  return client.connection.Send(absl::StrCat(client.head, *signature, "\r\n\r\n", body));
}

absl::Status Load::Count(const HttpAnswer& answer, absl::Duration took, SteadyTime now) {
  ++statuses_[answer.status];
  if (answer.status != options_.expect) {
    if (unexpected_.empty()) unexpected_ = absl::StrCat(answer.status, ": ", answer.body);
    return absl::OkStatus();
  }
  if (!options_.locations.empty()) {
    if (answer.location.empty()) return absl::InternalError("an answer has no Location");
    if (!locations_.insert(answer.location).second) {
      return absl::InternalError(
          absl::StrCat("two events of different revisions have the Location ", answer.location));
    }
  }
  if (now >= from_ && now < until_) latencies_.push_back(absl::ToDoubleSeconds(took));
  return absl::OkStatus();
}

absl::Status Load::Receive(Client& client) {
  const auto answer = client.connection.Receive();
  if (!answer.ok()) return answer.status();
  if (!answer->has_value()) return absl::OkStatus();
  if (!client.waits) return absl::InternalError("an answer without a request");
  client.waits = false;
  --waiting_;
  const SteadyTime now = Clock::System()->SteadyNow();
  if (absl::Status counted = Count(**answer, now - client.began, now); !counted.ok()) {
    return counted;
  }
  return now < until_ ? Send(client) : absl::OkStatus();
}

absl::Status Load::Run() {
  if (absl::Status opened = Open(); !opened.ok()) return opened;
  from_ = Clock::System()->SteadyNow() + absl::Seconds(options_.warmup);
  until_ = from_ + absl::Seconds(options_.seconds);
  for (Client& client : clients_) {
    if (absl::Status sent = Send(client); !sent.ok()) return sent;
  }
  std::vector<epoll_event> events(clients_.size());
  while (waiting_ > 0) {
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
    if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "epoll_wait");
    for (int i = 0; i < ready; ++i) {
      if (absl::Status received = Receive(clients_[events[i].data.u64]); !received.ok()) {
        return received;
      }
    }
    if (Clock::System()->SteadyNow() > until_ + kPatience) {
      return absl::DeadlineExceededError(absl::StrCat(waiting_, " events have no answer"));
    }
  }
  std::sort(latencies_.begin(), latencies_.end());
  return absl::OkStatus();
}

nlohmann::json Load::Results() const {
  const auto quantile = [this](double part) {
    const auto index = static_cast<size_t>(part * static_cast<double>(latencies_.size()));
    return latencies_.empty() ? 0.0 : latencies_[std::min(index, latencies_.size() - 1)];
  };
  nlohmann::json statuses = nlohmann::json::object();
  for (const auto& [status, count] : statuses_) statuses[absl::StrCat(status)] = count;
  return {{"per_second", static_cast<double>(latencies_.size()) / options_.seconds},
          {"p50", quantile(0.5)},
          {"p99", quantile(0.99)},
          {"max", quantile(1)},
          {"sent", sent_},
          {"statuses", statuses},
          {"unexpected", unexpected_}};
}

// All of a file, which must be readable and not empty.
absl::StatusOr<Secret> ReadKey(const std::string& path) {
  std::ifstream file(path);
  std::string key{std::istreambuf_iterator<char>(file), {}};
  if (!file || key.empty()) return absl::NotFoundError(absl::StrCat("cannot read a key in ", path));
  return Secret(std::move(key));
}

absl::Status Run(const Options& options) {
  absl::StatusOr<Secret> key = ReadKey(options.key_file);
  if (!key.ok()) return key.status();
  Load load(options, *std::move(key));
  if (absl::Status ran = load.Run(); !ran.ok()) return ran;
  if (!options.locations.empty()) {
    std::ofstream file(options.locations);
    for (const std::string& location : load.locations()) file << location << "\n";
    if (!file.flush()) {
      return absl::UnavailableError(absl::StrCat("cannot write ", options.locations));
    }
  }
  std::cout << load.Results().dump() << "\n";
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Sends signed Flux events and measures the answers.", "event_load");
  app.add_option("--address", options.address, "IPV4:PORT of the server")->required();
  app.add_option("--path", options.path, "path of the events")->required();
  app.add_option("--paths", options.paths, "how many numbers {} takes")->check(CLI::PositiveNumber);
  app.add_option("--key-file", options.key_file, "file with the signing key")->required();
  app.add_option("--expect", options.expect, "status of a good answer");
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", options.seconds, "measured time")->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "seconds before")->check(CLI::NonNegativeNumber);
  app.add_option("--size", options.size, "bytes of an event");
  app.add_option("--locations", options.locations, "file for the Locations; requires them");
  CLI11_PARSE(app, argc, argv);
  const absl::Status ran = Run(options);
  if (ran.ok()) return 0;
  std::cerr << "event_load: " << ran << "\n";
  return 1;
}

}  // namespace
}  // namespace gitops

int main(int argc, char** argv) { return gitops::Main(argc, argv); }
