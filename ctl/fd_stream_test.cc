#include "ctl/fd_stream.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>

namespace gitops::ctl {
namespace {

class FdStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(pipe(pipe_), 0);
  }
  void TearDown() override {
    if (pipe_[0] >= 0) close(pipe_[0]);
    close(pipe_[1]);
  }

  int pipe_[2] = {-1, -1};
};

TEST_F(FdStreamTest, WritesWhatWasFlushed) {
  FdStreamBuf buffer(pipe_[1]);
  std::ostream out(&buffer);
  out << "one " << 2 << '\n' << std::flush;
  char text[16] = "";
  EXPECT_EQ(read(pipe_[0], text, sizeof(text)), 6);
  EXPECT_STREQ(text, "one 2\n");
  EXPECT_EQ(buffer.error(), 0);
}

TEST_F(FdStreamTest, AReaderThatWentAwayIsNoticedAndRemembered) {
  FdStreamBuf buffer(pipe_[1]);
  std::ostream out(&buffer);
  close(pipe_[0]);
  pipe_[0] = -1;
  out << "lost" << std::flush;
  EXPECT_FALSE(out.good());
  EXPECT_EQ(buffer.error(), EPIPE);
  out.clear();
  out << "more" << std::flush;
  EXPECT_FALSE(out.good());
}

}  // namespace
}  // namespace gitops::ctl
