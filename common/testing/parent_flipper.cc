#include "common/testing/parent_flipper.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace gitops {
namespace {

// Until the pipe is closed at its other end. Returns an exit status.
int Flip(int stop, const char* directory, const char* aside, const char* elsewhere) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kAttackerGid, kAttackerGid, kAttackerGid) != 0 ||
      ::setresuid(kAttackerUid, kAttackerUid, kAttackerUid) != 0) {
    return 2;
  }
  if (::symlink(elsewhere, aside) != 0) return 3;
  const auto flip = [&] {
    return ::renameat2(AT_FDCWD, directory, AT_FDCWD, aside, RENAME_EXCHANGE) == 0;
  };
  char byte = 0;
  while (::read(stop, &byte, 1) < 0 && errno == EAGAIN) {
    if (!flip() || !flip()) return 4;
  }
  return ::unlink(aside) == 0 ? 0 : 5;
}

}  // namespace

ParentFlipper::ParentFlipper(const std::string& directory, const std::string& elsewhere) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
  const std::string aside = directory + ".aside";
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(ends[1]);
    ::_exit(Flip(ends[0], directory.c_str(), aside.c_str(), elsewhere.c_str()));
  }
  ::close(ends[0]);
  stop_ = ends[1];
}

ParentFlipper::~ParentFlipper() {
  ::close(stop_);
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  EXPECT_EQ(status, 0) << "the attacker could not do what it wanted";
}

}  // namespace gitops
