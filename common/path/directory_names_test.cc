#include "common/path/directory_names.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "common/path/fd.h"
#include "common/path/temporary_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::UnorderedElementsAre;

TEST(DirectoryNames, AreAllNamesWhicheverWayTheDirectoryIsOpen) {
  TemporaryDirectory box;
  box.Write("file", "x");
  box.Write(".hidden", "x");
  box.Write("dir/below", "x");
  box.Write("caf\xe9", "x");
  for (const int flags : {O_PATH, O_RDONLY}) {
    const Fd open_box(open(box.path().c_str(), flags | O_DIRECTORY | O_CLOEXEC));
    for (int again = 0; again < 2; ++again) {
      auto names = DirectoryNames(open_box.get());
      ASSERT_TRUE(names.ok()) << names.status();
      EXPECT_THAT(*names, UnorderedElementsAre("file", ".hidden", "dir", "caf\xe9"));
    }
  }
}

TEST(DirectoryNames, WhatCannotBeListedIsAnErrorAndNotEmpty) {
  TemporaryDirectory box;
  box.Write("file", "x");
  const Fd file(open((box / "file").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(DirectoryNames(file.get()).ok());
  EXPECT_FALSE(DirectoryNames(-1).ok());
  const Fd open_box(open(box.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto reader = DirectoryReader::Open(open_box.get());
  ASSERT_TRUE(reader.ok());
  // The reader's own descriptor is the next one.
  const int next = fcntl(open_box.get(), F_DUPFD_CLOEXEC, 0);
  close(next);
  for (int fd = open_box.get() + 1; fd < next; ++fd) dup2(file.get(), fd);
  EXPECT_FALSE(reader->Next().ok());
}

}  // namespace
}  // namespace gitops
