#include "agent/publish/mount_sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

void Require(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "these tests mount, and cannot: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void WriteProc(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  Require(fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          path);
  ::close(fd);
}

void BecomeRootOfOwnUserNamespace() {
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  Require(::unshare(CLONE_NEWUSER) == 0, "make a user namespace");
  WriteProc("/proc/self/setgroups", "deny");
  WriteProc("/proc/self/uid_map", absl::StrCat("0 ", uid, " 1"));
  WriteProc("/proc/self/gid_map", absl::StrCat("0 ", gid, " 1"));
}

std::string MountInfoOf(pid_t pid) {
  return ReadTestFile(pid == 0 ? "/proc/self/mountinfo"
                               : absl::StrCat("/proc/", pid, "/mountinfo"));
}

template <typename Predicate>
int CountMountPoints(pid_t pid, Predicate matches) {
  int count = 0;
  const std::string text = MountInfoOf(pid);
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    if (fields.size() > 4 && matches(fields[4])) ++count;
  }
  return count;
}

}  // namespace

void EnterMountNamespace() {
  if (::geteuid() != 0) BecomeRootOfOwnUserNamespace();
  Require(::unshare(CLONE_NEWNS) == 0, "make a mount namespace");
  Require(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make / private");
}

int RunTestsInMountNamespace(int argc, char** argv) {
  EnterMountNamespace();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

MountSandbox::MountSandbox(Kind kind) {
  // Every account reaches it, unlike the directory for tests.
  std::string name = "/tmp/sandbox-XXXXXX";
  Require(::mkdtemp(name.data()) != nullptr, "make a directory");
  Require(::chmod(name.c_str(), 0755) == 0, "open the directory");
  root_ = std::filesystem::canonical(name).string();
  Require(::mount("sandbox", root_.c_str(), "tmpfs", 0, "mode=0755") == 0, "mount a tmpfs");
  const unsigned long propagation = kind == Kind::kShared ? MS_SHARED : MS_PRIVATE;
  Require(::mount("none", root_.c_str(), nullptr, propagation, nullptr) == 0, "set propagation");
}

MountSandbox::~MountSandbox() {
  ::umount2(root_.c_str(), MNT_DETACH);
  ::rmdir(root_.c_str());
}

std::string MountSandbox::Path(absl::string_view below) const {
  return absl::StrCat(root_, "/", below);
}

std::string MountSandbox::Write(absl::string_view below, absl::string_view content) const {
  const std::string path = Path(below);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << content;
  return path;
}

std::string MountSandbox::MakeDirectory(absl::string_view below) const {
  const std::string path = Path(below);
  std::filesystem::create_directories(path);
  return path;
}

int MountSandbox::MountCount(pid_t pid) const {
  return CountMountPoints(
      pid, [&](absl::string_view point) { return absl::StartsWith(point, root_ + "/"); });
}

int MountSandbox::MountsAt(const std::string& path, pid_t pid) {
  return CountMountPoints(pid, [&](absl::string_view point) { return point == path; });
}

ReceivingNamespace::ReceivingNamespace() {
  int ready[2];
  Require(::pipe(ready) == 0, "make a pipe");
  pid_ = ::fork();
  Require(pid_ >= 0, "fork");
  if (pid_ == 0) {
    const bool done = ::unshare(CLONE_NEWNS) == 0 &&
                      ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
                      ::write(ready[1], "x", 1) == 1;
    ::close(ready[1]);
    while (done) ::pause();
    ::_exit(1);
  }
  ::close(ready[1]);
  char byte = 0;
  Require(::read(ready[0], &byte, 1) == 1, "make a second mount namespace");
  ::close(ready[0]);
}

ReceivingNamespace::~ReceivingNamespace() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string ReceivingNamespace::View(const std::string& path) const {
  return absl::StrCat("/proc/", pid_, "/root", path);
}

std::string ReadTestFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::StrCat(strerrorname_np(errno), ": ", path);
  std::string content;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) content.append(buffer, n);
  ::close(fd);
  return content;
}

}  // namespace gitops
