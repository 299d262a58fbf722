#include "common/git/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Check = absl::Status (*)(absl::string_view);

void ExpectAccepted(Check check, std::initializer_list<const char*> values) {
  for (const char* value : values) EXPECT_TRUE(check(value).ok()) << value << ": " << check(value);
}

// `why` is part of the message, after the value itself.
void ExpectRefused(Check check,
                   std::initializer_list<std::pair<absl::string_view, const char*>> cases) {
  for (const auto& [value, why] : cases) {
    const absl::Status status = check(value);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << value;
    EXPECT_THAT(status.message(), HasSubstr(why)) << value;
  }
}

TEST(Upstream, IsAUrlThatRunsNoProgram) {
  ExpectAccepted(CheckUpstreamUrl,
                 {"https://git.example/ops.git", "http://user:pw@git.example:8080/ops",
                  "ssh://git@git.example:22/ops.git", "git://git.example/ops",
                  "file:///srv/ops.git", "git@github.com:miekg/gitopper", "host:ops.git",
                  "/srv/git/ops.git", "https://[::1]:8443/ops", "HTTPS://git.example/x"});
  ExpectRefused(CheckUpstreamUrl, {{"", "is empty"},
                                   {"ext::sh -c touch% /tmp/x", "space"},
                                   {"ext::sh", "transport helper"},
                                   {"fd::17", "transport helper"},
                                   {"foo::https://git.example/x", "transport helper"},
                                   {"--upload-pack=touch", "starts with '-'"},
                                   {"-x:y", "starts with '-'"},
                                   {"https://git.example/a\nb", "control character"},
                                   {"ftp://git.example/x", "scheme that is not allowed"},
                                   {"htps://git.example/x", "did you mean \"https\"?"},
                                   {"https:///x", "has no host"},
                                   {"https://:80/x", "has no host"},
                                   {"ssh://-oProxyCommand=x/y", "has no host"},
                                   {"ssh://-oProxyCommand=x@host/y", "has no host"},
                                   {"ssh://git@-oProxyCommand=x/y", "has no host"},
                                   {"git@-oProxyCommand=x:y", "has no host"},
                                   {"git@:y", "has no host"},
                                   {"git@host:", "has no path"},
                                   {"git:pw@host:x", "contains a password"},
                                   {"file://host/x", "has no absolute path"},
                                   {"file:///", "has no absolute path"},
                                   {"ops.git", "is not an upstream"},
                                   {"./ops", "is not an upstream"}});
}

TEST(Upstream, TakesEveryFormOfUserHostPathThatGitTakes) {
  struct Case {
    const char* url;
    const char* host;
    const char* path;
  };
  for (const Case& c : std::initializer_list<Case>{{"git@[::1]:ops.git", "::1", "ops.git"},
                                                   {"[::1]:ops.git", "::1", "ops.git"},
                                                   {"git@[fe80::1]:/srv/x", "fe80::1", "/srv/x"},
                                                   {"[git@::1]:x", "::1", "x"},
                                                   {"[host:2222]:x", "host", "x"},
                                                   {"[git@host:2222]:x/y", "host", "x/y"},
                                                   {"git@[host:2222]:x", "host", "x"},
                                                   {"host:~me/x", "host", "~me/x"},
                                                   {"git@host::odd", "host", ":odd"},
                                                   {"host:x::y", "host", "x::y"}}) {
    const auto url = ParseGitUrl(c.url);
    ASSERT_TRUE(url.ok()) << url.status();
    EXPECT_EQ(url->scheme, "ssh") << c.url;
    EXPECT_EQ(url->host, c.host) << c.url;
    EXPECT_EQ(url->path, c.path) << c.url;
    EXPECT_EQ(url->plain, c.url);
  }
  ExpectRefused(CheckUpstreamUrl, {{"host::x", "transport helper"},
                                   {"1::x", "transport helper"},
                                   {"::x", "transport helper"},
                                   {"git@[::1]", "is not an upstream"},
                                   {"git@[::1:x", "is not an upstream"},
                                   {"git@[]:x", "has no host"},
                                   {"git@[-oProxyCommand=x]:y", "has no host"},
                                   {"git@[::1]:", "has no path"},
                                   {"[[::1]:22]:x", "two pairs of brackets"}});
}

TEST(ProxyUrl, HasASchemeAndAHostAndKeepsItsPassword) {
  ExpectAccepted(CheckProxyUrl,
                 {"http://proxy:3128", "https://u:pw@proxy", "socks5h://[::1]:1080"});
  ExpectRefused(CheckProxyUrl, {{"proxy:3128", "write http://HOST:PORT"},
                                {"ftp://proxy", "scheme"},
                                {"http://", "no host"}});
  for (const char* url : {"ftp://u:hunter2@h", "u:hunter2@h:3128", "u:p/hunter2@h:3128"}) {
    EXPECT_THAT(CheckProxyUrl(url).message(), Not(HasSubstr("hunter2"))) << url;
  }
}

TEST(Upstream, IsRefusedWithoutShowingItsPassword) {
  for (const char* url : {"ftp://u:hunter2@h/x", "htps://u:hun@ter2@h/x", "git:hunter2@host:x",
                          "https://u:hunter2@/x", "https://h/x y?token=hunter2"}) {
    const absl::Status status = CheckUpstreamUrl(url);
    EXPECT_FALSE(status.ok()) << url;
    EXPECT_THAT(status.message(), Not(HasSubstr("ter2"))) << url;
  }
}

TEST(RedactedUrl, HasNoUserPasswordQueryOrFragment) {
  struct Case {
    const char* url;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"https://git.example/ops.git", "https://git.example/ops.git"},
           {"https://user@git.example/ops.git", "https://git.example/ops.git"},
           {"https://user:pw@git.example:8443/ops.git", "https://git.example:8443/ops.git"},
           {"https://user:p@w@git.example/ops", "https://git.example/ops"},
           {"https://user:p/w@git.example/ops", "https://git.example/ops"},
           {"https://user:p?w#x@git.example/ops", "https://git.example/ops"},
           {"https://git.example/ops?token=x#y", "https://git.example/ops"},
           {"https://git.example/@scope/ops", "https://git.example/@scope/ops"},
           {"https://git.example:8443/@scope/ops", "https://git.example:8443/@scope/ops"},
           {"https://[::1]:8443/@scope", "https://[::1]:8443/@scope"},
           {"ssh://git@host/x", "ssh://host/x"},
           {"git@host:ops.git", "host:ops.git"},
           {"user:pw@host:ops.git", "host:ops.git"},
           {"host:ops.git", "host:ops.git"},
           {"/srv/git/ops.git", "/srv/git/ops.git"},
           {"file:///srv/ops.git", "file:///srv/ops.git"},
           {"", ""},
       }) {
    EXPECT_EQ(RedactUrl(c.url), c.expected) << c.url;
  }
}

TEST(HttpUrl, HasAHostAndAnHttpScheme) {
  ExpectAccepted(CheckHttpUrl, {"https://hydra.example/job/p/js/web", "http://h/x"});
  ExpectRefused(CheckHttpUrl,
                {{"ssh://h/x", "scheme"}, {"h/x", "is not an https://"}, {"https://", "host"}});
}

}  // namespace
}  // namespace gitops
