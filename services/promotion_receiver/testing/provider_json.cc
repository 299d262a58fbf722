#include "services/promotion_receiver/testing/provider_json.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

using Request = FakeProvider::Request;

std::string Ref(const std::string& branch) { return "refs/heads/" + branch; }

std::string Branch(const std::string& ref) {
  return std::string(absl::StripPrefix(ref, "refs/heads/"));
}

Json GithubOrGitea(bool gitea, const Request& request, const std::string& site) {
  Json json;
  json["number"] = std::stoi(request.id);
  json["state"] = request.state == "open" ? "open" : "closed";
  json["title"] = request.title;
  json["html_url"] = site + "/acme/shop/pull/" + request.id;
  if (gitea) json["merged"] = request.state == "merged";
  json["merged_at"] = request.state == "merged" ? Json("2026-11-30T00:00:00Z") : Json(nullptr);
  json["head"]["ref"] = request.branch;
  json["head"]["repo"]["full_name"] = request.from_fork ? "someone/shop" : "acme/shop";
  json["base"]["ref"] = request.base;
  return json;
}

Json Gitlab(const Request& request, const std::string& site) {
  Json json;
  json["iid"] = std::stoi(request.id);
  json["state"] = request.state == "open" ? "opened" : request.state;
  json["title"] = request.title;
  json["web_url"] = site + "/acme/team/shop/-/merge_requests/" + request.id;
  json["source_branch"] = request.branch;
  json["target_branch"] = request.base;
  json["source_project_id"] = request.from_fork ? 8 : 7;
  json["target_project_id"] = 7;
  return json;
}

Json Bitbucket(const Request& request) {
  Json json;
  json["id"] = std::stoi(request.id);
  json["version"] = request.version;
  json["title"] = request.title;
  json["description"] = request.description;
  json["state"] = request.state == "closed" ? "DECLINED" : absl::AsciiStrToUpper(request.state);
  json["reviewers"] = Json::array();
  for (const std::string& reviewer : request.reviewers) {
    Json user;
    user["user"]["name"] = reviewer;
    user["approved"] = false;
    json["reviewers"].push_back(user);
  }
  for (const auto& [side, branch] :
       {std::pair{"fromRef", request.branch}, {"toRef", request.base}}) {
    json[side]["id"] = Ref(branch);
    json[side]["repository"]["slug"] = "shop";
    json[side]["repository"]["project"]["key"] =
        request.from_fork && side == std::string("fromRef") ? "~X" : "AC";
  }
  return json;
}

Json Azure(const Request& request) {
  Json json;
  json["pullRequestId"] = std::stoi(request.id);
  json["status"] = request.state == "open"     ? "active"
                   : request.state == "closed" ? "abandoned"
                                               : "completed";
  json["title"] = request.title;
  json["sourceRefName"] = Ref(request.branch);
  json["targetRefName"] = Ref(request.base);
  if (request.from_fork) json["forkSource"]["name"] = "refs/heads/x";
  return json;
}

std::string At(const std::map<std::string, std::string>& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

}  // namespace

std::string ClonePath(Provider provider) {
  switch (provider) {
    case Provider::kGitlab:
      return "/acme/team/shop.git";
    case Provider::kBitbucketServer:
      return "/scm/AC/shop.git";
    case Provider::kAzureDevops:
      return "/acme/team/_git/shop";
    default:
      return "/acme/shop.git";
  }
}

std::string ApiPath(Provider provider) {
  switch (provider) {
    case Provider::kGithub:
      return "/api/v3/repos/acme/shop/pulls";
    case Provider::kGitlab:
      return "/api/v4/projects/acme%2Fteam%2Fshop/merge_requests";
    case Provider::kBitbucketServer:
      return "/rest/api/1.0/projects/AC/repos/shop/pull-requests";
    case Provider::kAzureDevops:
      return "/acme/team/_apis/git/repositories/shop/pullrequests";
    case Provider::kGitea:
      break;
  }
  return "/api/v1/repos/acme/shop/pulls";
}

Json ElementOf(Provider provider, const Request& request, const std::string& site) {
  switch (provider) {
    case Provider::kGithub:
      return GithubOrGitea(false, request, site);
    case Provider::kGitlab:
      return Gitlab(request, site);
    case Provider::kBitbucketServer:
      return Bitbucket(request);
    case Provider::kAzureDevops:
      return Azure(request);
    case Provider::kGitea:
      break;
  }
  return GithubOrGitea(true, request, site);
}

bool IsListed(Provider provider, const std::map<std::string, std::string>& query,
              const Request& request) {
  switch (provider) {
    case Provider::kGithub:
      return At(query, "state") == "all" && At(query, "head") == "acme:" + request.branch &&
             At(query, "base") == request.base;
    case Provider::kGitlab:
      return At(query, "source_branch") == request.branch &&
             At(query, "target_branch") == request.base;
    case Provider::kBitbucketServer:
      return At(query, "direction") == "OUTGOING" && At(query, "state") == "ALL" &&
             At(query, "at") == Ref(request.branch);
    case Provider::kAzureDevops:
      return At(query, "searchCriteria.status") == "all" &&
             At(query, "searchCriteria.sourceRefName") == Ref(request.branch) &&
             At(query, "searchCriteria.targetRefName") == Ref(request.base);
    case Provider::kGitea:
      break;
  }
  return At(query, "state") == (request.state == "open" ? "open" : "closed");
}

Request CreatedBy(Provider provider, const Json& body) {
  Request request{.title = body.at("title")};
  switch (provider) {
    case Provider::kGitlab:
      request.branch = body.at("source_branch");
      request.base = body.at("target_branch");
      request.description = body.at("description");
      break;
    case Provider::kBitbucketServer:
      request.branch = Branch(body.at("fromRef").at("id"));
      request.base = Branch(body.at("toRef").at("id"));
      request.description = body.at("description");
      break;
    case Provider::kAzureDevops:
      request.branch = Branch(body.at("sourceRefName"));
      request.base = Branch(body.at("targetRefName"));
      request.description = body.at("description");
      break;
    default:
      request.branch = body.at("head");
      request.base = body.at("base");
      request.description = body.at("body");
  }
  return request;
}

std::string AuthorizationFor(Provider provider, const std::string& token) {
  if (provider == Provider::kGitea) return "token " + token;
  if (provider == Provider::kAzureDevops) return "Basic " + absl::Base64Escape(":" + token);
  return "Bearer " + token;
}

}  // namespace gitops
