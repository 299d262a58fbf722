// What the server promises for any bytes of a client: it answers or closes, and every request that
// reaches a handler has one reading, that of RFC 9112. A second reader, which knows nothing but
// the framing and takes only what is beyond doubt, must find the same requests in the bytes.

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/http/raw_client.h"
#include "common/http/server.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

constexpr size_t kMaxBody = 1 << 10;

struct Seen {
  std::string method, target, body;
  bool operator==(const Seen&) const = default;
};

[[noreturn]] void Fail(absl::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

class Handled {
 public:
  void Add(Seen seen) {
    MutexLock lock(mutex_);
    seen_.push_back(std::move(seen));
  }
  std::vector<Seen> Take() {
    MutexLock lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  Mutex mutex_;
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mutex_);
};

struct Server {
  Handled handled;
  std::unique_ptr<HttpServer> server;

  Server() {
    HttpServerOptions options;
    // TEST_TMPDIR may be longer than the path of a socket can be.
    options.listen = {absl::StrCat("unix:/tmp/gitops_request_fuzz_", getpid())};
    options.max_header = 4 << 10;
    for (const char* method : {"GET", "POST"}) {
      options.routes.push_back({.method = method,
                                .path = "/{path=**}",
                                .handler = RespondWith([this](const HttpServerRequest& request) {
                                  handled.Add({request.method, request.target, request.body});
                                  return HttpServerResponse();
                                }),
                                .max_body = absl::string_view(method) == "POST" ? kMaxBody : 0});
    }
    auto started = HttpServer::Start(std::move(options));
    if (!started.ok()) Fail(started.status().ToString());
    server = *std::move(started);
  }
};

// Reads requests one after the other.
class Reference {
 public:
  explicit Reference(absl::string_view bytes) : rest_(bytes) {}

  // None: what follows is no request, or is one in doubt.
  std::optional<Seen> Next() {
    // Empty lines before a request are allowed.
    while (absl::ConsumePrefix(&rest_, "\r\n")) {
    }
    const size_t end = rest_.find("\r\n\r\n");
    if (end == absl::string_view::npos) return std::nullopt;
    std::vector<std::string> lines = absl::StrSplit(rest_.substr(0, end), "\r\n");
    rest_.remove_prefix(end + 4);
    const std::vector<std::string> first = absl::StrSplit(lines[0], ' ');
    if (first.size() != 3 || !ReadFields(lines, first[2])) return std::nullopt;
    Seen seen{.method = first[0], .target = first[1], .body = ""};
    const bool whole = chunked_ ? TakeChunks(seen.body) : TakeBytes(length_, seen.body);
    if (!whole) return std::nullopt;
    return seen;
  }

 private:
  bool ReadFields(const std::vector<std::string>& lines, absl::string_view version) {
    length_ = 0;
    chunked_ = false;
    size_t hosts = 0, lengths = 0, codings = 0;
    for (size_t i = 1; i < lines.size(); ++i) {
      const absl::string_view line = lines[i];
      // A folded line belongs to the value before; it must not be read as a field.
      if (absl::StartsWith(line, " ") || absl::StartsWith(line, "\t")) continue;
      const size_t colon = line.find(':');
      if (colon == 0 || colon == absl::string_view::npos) return false;
      const std::string name = absl::AsciiStrToLower(line.substr(0, colon));
      if (!std::all_of(name.begin(), name.end(), [](unsigned char c) {
            return absl::ascii_isalnum(c) ||
                   absl::StrContains("!#$%&'*+-.^_`|~", std::string(1, c));
          })) {
        return false;
      }
      absl::string_view value = line.substr(colon + 1);
      while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
      while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
        value.remove_suffix(1);
      if (std::any_of(value.begin(), value.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; })) {
        return false;
      }
      const bool folded = i + 1 < lines.size() && (absl::StartsWith(lines[i + 1], " ") ||
                                                   absl::StartsWith(lines[i + 1], "\t"));
      if (name == "host") ++hosts;
      if (name == "content-length") {
        ++lengths;
        const bool digits = std::all_of(value.begin(), value.end(), absl::ascii_isdigit);
        if (folded || !digits || !absl::SimpleAtoi(value, &length_)) return false;
      }
      if (name == "transfer-encoding") {
        ++codings;
        chunked_ = absl::EqualsIgnoreCase(value, "chunked");
        if (folded || !chunked_) return false;
      }
    }
    const bool newest = version == "HTTP/1.1";
    return (newest || version == "HTTP/1.0") && hosts <= 1 && (hosts == 1 || !newest) &&
           lengths + codings <= 1 && (codings == 0 || newest);
  }

  bool TakeBytes(uint64_t count, std::string& body) {
    if (count > rest_.size()) return false;
    absl::StrAppend(&body, rest_.substr(0, count));
    rest_.remove_prefix(count);
    return true;
  }

  bool TakeChunks(std::string& body) {
    while (true) {
      const size_t end = rest_.find("\r\n");
      if (end == absl::string_view::npos) return false;
      absl::string_view size_text = rest_.substr(0, rest_.find_first_of(";\r \t"));
      rest_.remove_prefix(end + 2);
      uint64_t size = 0;
      if (!absl::SimpleHexAtoi(size_text, &size) || absl::StrContains(size_text, "x")) return false;
      if (size == 0) break;
      if (!TakeBytes(size, body) || !absl::ConsumePrefix(&rest_, "\r\n")) return false;
    }
    // Trailers.
    while (!absl::ConsumePrefix(&rest_, "\r\n")) {
      const size_t end = rest_.find("\r\n");
      if (end == absl::string_view::npos) return false;
      rest_.remove_prefix(end + 2);
    }
    return true;
  }

  absl::string_view rest_;
  uint64_t length_ = 0;
  bool chunked_ = false;
};

void Check(absl::string_view bytes, const std::vector<Seen>& handled, absl::string_view answers) {
  if (absl::EndsWith(answers, "<timed out>")) Fail("the server neither answers nor closes");
  if (!answers.empty() && !absl::StartsWith(answers, "HTTP/1.")) Fail("an answer is malformed");
  Reference reference(bytes);
  for (const Seen& seen : handled) {
    if (seen.body.size() > kMaxBody) Fail("a body is larger than its limit");
    // Those between were refused.
    std::optional<Seen> read = reference.Next();
    while (read.has_value() && *read != seen) read = reference.Next();
    if (!read.has_value()) {
      Fail(absl::StrCat("only the server sees this request: ", seen.method, " ", seen.target));
    }
  }
}

}  // namespace
}  // namespace gitops

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static gitops::Server server;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  gitops::RawClient client(server.server->addresses()[0]);
  // The server may close in between.
  client.Send(bytes);
  client.CloseSending();
  const std::string answers = client.ReadAll();
  gitops::Check(bytes, server.handled.Take(), answers);
  return 0;
}
