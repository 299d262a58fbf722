#include "common/audit/audit_sink.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/path/fd.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

v1::AuditEntry Entry(int64_t number, v1::AuditEntry::Kind kind = v1::AuditEntry::KIND_ALLOWED) {
  v1::AuditEntry entry;
  entry.set_number(number);
  entry.set_kind(kind);
  entry.set_actor("alice\n<34>");
  entry.mutable_time()->set_seconds(1'764'590'400);
  return entry;
}

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int Lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

Fd Listen(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return socket;
}

std::string Receive(const Fd& socket) {
  std::string text(64 << 10, '\0');
  const ssize_t size = ::recv(socket.get(), text.data(), text.size(), MSG_DONTWAIT);
  text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return text;
}

TEST(AuditSink, AFileGetsALineOfJsonForEachEntryAndNobodyElseReadsIt) {
  const TemporaryDirectory directory;
  const std::string path = directory / "audit.jsonl";
  const auto sink = *MakeAuditSink("file:" + path, "gitops-agent");
  ASSERT_TRUE(sink->Send(Entry(1)).ok());
  ASSERT_TRUE(sink->Send(Entry(2)).ok());
  const std::string content = Content(path);
  EXPECT_EQ(Lines(content), 2);
  EXPECT_TRUE(absl::StrContains(content, "\"number\":\"2\"")) << content;
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(AuditSink, ARotatedFileIsCreatedAgain) {
  const TemporaryDirectory directory;
  const std::string path = directory / "audit.jsonl";
  const auto sink = *MakeAuditSink("file:" + path, "gitops-agent");
  ASSERT_TRUE(sink->Send(Entry(1)).ok());
  ASSERT_EQ(std::rename(path.c_str(), (path + ".1").c_str()), 0);
  ASSERT_TRUE(sink->Send(Entry(2)).ok());
  EXPECT_TRUE(absl::StrContains(Content(path + ".1"), "\"number\":\"1\""));
  EXPECT_TRUE(absl::StrContains(Content(path), "\"number\":\"2\""));
  EXPECT_EQ(Lines(Content(path + ".1")), 1);
}

TEST(AuditSink, AFileThatCannotBeOpenedIsAnErrorThatNamesItAndPasses) {
  const TemporaryDirectory directory;
  const std::string path = directory / "logs/audit.jsonl";
  const auto sink = *MakeAuditSink("file:" + path, "gitops-agent");
  const absl::Status failed = sink->Send(Entry(1));
  EXPECT_TRUE(absl::IsUnavailable(failed));
  EXPECT_TRUE(absl::StrContains(failed.message(), path)) << failed;
  ASSERT_EQ(mkdir((directory / "logs").c_str(), 0700), 0);
  EXPECT_TRUE(sink->Send(Entry(1)).ok());
}

TEST(AuditSink, ASyslogGetsRfc5424OnOneLineWithRefusalsAsWarnings) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log";
  const Fd socket = Listen(path);
  const auto sink = *MakeAuditSink("syslog:" + path, "gitops-agent");
  ASSERT_TRUE(sink->Send(Entry(1)).ok());
  const std::string allowed = Receive(socket);
  EXPECT_TRUE(absl::StartsWith(allowed, "<85>1 2025-12-01T12:00:00.000000Z ")) << allowed;
  EXPECT_TRUE(absl::StrContains(allowed, absl::StrCat(" gitops-agent ", getpid(), " audit - {")))
      << allowed;
  EXPECT_EQ(allowed.find('\n'), std::string::npos);
  ASSERT_TRUE(sink->Send(Entry(2, v1::AuditEntry::KIND_REFUSED)).ok());
  EXPECT_TRUE(absl::StartsWith(Receive(socket), "<84>1 "));
}

TEST(AuditSink, ASyslogThatWasRestartedIsFoundAgainAndOneThatIsGoneIsAnError) {
  const TemporaryDirectory directory;
  const std::string path = directory / "log";
  const auto sink = *MakeAuditSink("syslog:" + path, "gitops-agent");
  {
    const Fd socket = Listen(path);
    ASSERT_TRUE(sink->Send(Entry(1)).ok());
  }
  EXPECT_TRUE(absl::IsUnavailable(sink->Send(Entry(2))));
  ASSERT_EQ(unlink(path.c_str()), 0);
  const Fd socket = Listen(path);
  EXPECT_TRUE(sink->Send(Entry(2)).ok());
  EXPECT_TRUE(absl::StrContains(Receive(socket), "\"number\":\"2\""));
}

TEST(AuditSink, OtherPlacesAreRefused) {
  for (const char* to : {"", "file:", "file:relative", "syslog:", "/var/log/audit", "udp:host"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckAuditSink(to))) << to;
  }
  for (const char* to : {"syslog", "syslog:/dev/log", "file:/var/log/audit.jsonl"}) {
    EXPECT_TRUE(CheckAuditSink(to).ok()) << to;
  }
}

}  // namespace
}  // namespace gitops
