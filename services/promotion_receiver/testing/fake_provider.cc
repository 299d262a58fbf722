#include "services/promotion_receiver/testing/fake_provider.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/http/router.h"
#include "services/promotion_receiver/testing/provider_json.h"

namespace gitops {
namespace {

constexpr char kToken[] = "the-token";

HttpServerResponse JsonAnswer(int status, const Json& body) {
  return {.status = status,
          .body = body.dump(),
          .content_type = "application/json; charset=utf-8",
          .headers = {}};
}

HttpServerResponse Message(int status, const std::string& message) {
  Json body;
  body["message"] = message;
  return JsonAnswer(status, body);
}

std::map<std::string, std::string> QueryOf(const HttpServerRequest& request) {
  std::map<std::string, std::string> query;
  for (absl::string_view pair : absl::StrSplit(request.query, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    query[std::string(parts.first)] = PercentDecode(parts.second).value_or("");
  }
  return query;
}

// The answer in the output of a CGI program.
HttpServerResponse FromCgi(const std::string& output) {
  const size_t end = output.find("\r\n\r\n");
  HttpServerResponse answer;
  answer.body = end == std::string::npos ? "" : output.substr(end + 4);
  for (absl::string_view line : absl::StrSplit(output.substr(0, end), "\r\n")) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (parts.first == "Content-Type") answer.content_type = std::string(parts.second);
    if (parts.first == "Status") {
      (void)absl::SimpleAtoi(parts.second.substr(0, parts.second.find(' ')), &answer.status);
    }
  }
  return answer;
}

}  // namespace

FakeProvider::FakeProvider(Provider provider, const std::string& directory)
    : provider_(provider), repository_(directory + "/shop.git"), runner_(NewProcessRunner()) {
  HttpServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.pool_threads = 4;
  for (const char* method : {"GET", "POST", "PUT", "PATCH"}) {
    options.routes.push_back({.method = method,
                              .path = "/{rest=**}",
                              .handler = RespondWith([this](const HttpServerRequest& request) {
                                return Answer(request);
                              }),
                              .in_pool = true,
                              .max_body = 32 << 20});
  }
  server_ = HttpServer::Start(std::move(options)).value();
}

std::string FakeProvider::url() const {
  return absl::StrCat("http://", server_->addresses()[0], ClonePath(provider_));
}

std::vector<FakeProvider::Request> FakeProvider::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

std::string FakeProvider::Put(Request request) {
  MutexLock lock(mutex_);
  if (request.id.empty()) request.id = absl::StrCat(requests_.size() + 1);
  std::erase_if(requests_, [&](const Request& other) { return other.id == request.id; });
  requests_.push_back(request);
  return request.id;
}

std::vector<std::string> FakeProvider::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

int FakeProvider::CountCalls(const std::string& part) const {
  const auto all = calls();
  return static_cast<int>(std::count_if(all.begin(), all.end(), [&](const std::string& call) {
    return absl::StrContains(call, part);
  }));
}

void FakeProvider::SetFault(Fault fault, bool git) {
  MutexLock lock(mutex_);
  (git ? git_fault_ : api_fault_) = std::move(fault);
}

HttpServerResponse FakeProvider::Answer(const HttpServerRequest& request) {
  const bool git = absl::StartsWith(request.path, ClonePath(provider_) + "/");
  Fault fault;
  {
    MutexLock lock(mutex_);
    calls_.push_back(git ? request.path.substr(ClonePath(provider_).size() + 1)
                         : absl::StrCat(request.method, " ", request.target));
    fault = git ? git_fault_ : api_fault_;
  }
  if (fault) {
    if (auto answer = fault(request)) return *std::move(answer);
  }
  if (git) return AnswerGit(request);
  return MayCall(request) ? AnswerApi(request) : Unauthorized();
}

HttpServerResponse FakeProvider::AnswerGit(const HttpServerRequest& request) {
  std::string login;
  absl::Base64Unescape(absl::StripPrefix(request.Header("Authorization"), "Basic "), &login);
  if (!absl::EndsWith(login, absl::StrCat(":", kToken))) {
    return {.status = 401, .body = "", .headers = {{"WWW-Authenticate", "Basic realm=\"git\""}}};
  }
  Command command;
  command.argv = {"git", "http-backend"};
  command.input = request.body;
  command.environment = {
      {"GIT_PROJECT_ROOT", repository_.path()},
      {"PATH_INFO", request.path.substr(ClonePath(provider_).size())},
      {"QUERY_STRING", request.query},
      {"REQUEST_METHOD", request.method},
      {"CONTENT_TYPE", request.Header("Content-Type")},
      {"CONTENT_LENGTH", absl::StrCat(request.body.size())},
      {"HTTP_CONTENT_ENCODING", request.Header("Content-Encoding")},
      {"GIT_PROTOCOL", request.Header("Git-Protocol")},
      {"GIT_HTTP_EXPORT_ALL", "1"},
      {"REMOTE_USER", "robot"},
      {"GIT_CONFIG_NOSYSTEM", "1"},
      {"GIT_CONFIG_COUNT", "1"},
      {"GIT_CONFIG_KEY_0", "safe.directory"},
      {"GIT_CONFIG_VALUE_0", "*"},
  };
  const auto result = runner_->Run(command);
  if (!result.ok()) return Message(500, std::string(result.status().message()));
  return FromCgi(result->output);
}

bool FakeProvider::MayCall(const HttpServerRequest& request) const {
  const bool agent = !request.Header("User-Agent").empty();  // GitHub refuses calls without
  return agent && request.Header("Authorization") == AuthorizationFor(provider_, kToken);
}

HttpServerResponse FakeProvider::Unauthorized() const {
  if (provider_ != Provider::kAzureDevops) return Message(401, "Bad credentials");
  return {.status = 203,
          .body = "<html>Azure DevOps Services | Sign In</html>",
          .content_type = "text/html; charset=utf-8",
          .headers = {}};
}

HttpServerResponse FakeProvider::AnswerApi(const HttpServerRequest& request) {
  absl::string_view rest = request.path;
  if (!absl::ConsumePrefix(&rest, ApiPath(provider_))) return Message(404, "Not Found");
  if (rest.empty()) return request.method == "GET" ? List(request) : Create(request);
  return Update(std::string(rest.substr(1)), request);
}

HttpServerResponse FakeProvider::List(const HttpServerRequest& request) {
  const auto query = QueryOf(request);
  MutexLock lock(mutex_);
  Json found = Json::array();
  for (auto each = requests_.rbegin(); each != requests_.rend(); ++each) {
    if (IsListed(provider_, query, *each)) {
      found.push_back(ElementOf(provider_, *each, "http://" + server_->addresses()[0]));
    }
  }
  size_t page = 1, size = found.size();
  for (const char* name : {"limit", "per_page"}) {
    if (query.contains(name)) (void)absl::SimpleAtoi(query.at(name), &size);
  }
  if (query.contains("page")) (void)absl::SimpleAtoi(query.at("page"), &page);
  const size_t begin = std::min((page - 1) * size, found.size());
  Json part = Json::array();
  for (size_t i = begin; i < std::min(begin + size, found.size()); ++i) part.push_back(found[i]);
  if (provider_ == Provider::kBitbucketServer)
    return JsonAnswer(200, {{"isLastPage", true}, {"values", part}});
  if (provider_ == Provider::kAzureDevops)
    return JsonAnswer(200, {{"count", part.size()}, {"value", part}});
  return JsonAnswer(200, part);
}

HttpServerResponse FakeProvider::Create(const HttpServerRequest& request) {
  Request created = CreatedBy(provider_, Json::parse(request.body));
  if (repository_.Git({"for-each-ref", "refs/heads/" + created.branch}).empty()) {
    return Message(422, "head does not exist");
  }
  MutexLock lock(mutex_);
  for (const Request& other : requests_) {
    if (other.state == "open" && other.branch == created.branch && other.base == created.base) {
      const bool github = provider_ == Provider::kGithub;
      return Message(github ? 422 : 409, "A pull request already exists for " + created.branch);
    }
  }
  created.id = absl::StrCat(requests_.size() + 1);
  requests_.push_back(created);
  return JsonAnswer(201, ElementOf(provider_, created, "http://" + server_->addresses()[0]));
}

HttpServerResponse FakeProvider::Update(const std::string& id, const HttpServerRequest& request) {
  const bool puts = provider_ == Provider::kGitlab || provider_ == Provider::kBitbucketServer;
  MutexLock lock(mutex_);
  for (Request& each : requests_) {
    if (each.id != id) continue;
    if (request.method == (puts ? "PUT" : "PATCH")) {
      const Json body = Json::parse(request.body);
      if (provider_ == Provider::kBitbucketServer) {
        if (body.value("version", -1) != each.version) return Message(409, "out of date");
        ++each.version;
        // What is left out is removed.
        each.description = body.value("description", "");
        each.reviewers.clear();
        for (const Json& reviewer : body.at("reviewers")) {
          each.reviewers.push_back(reviewer.at("user").at("name"));
        }
      }
      each.title = body.at("title");
    } else if (request.method != "GET") {
      return Message(405, "Method Not Allowed");
    }
    return JsonAnswer(200, ElementOf(provider_, each, "http://" + server_->addresses()[0]));
  }
  return Message(404, "Not Found");
}

}  // namespace gitops
