// SPDX-License-Identifier: MIT
// usage: WriteAndRun IMAGE DIRECTORY THREADS ROUNDS
// Threads that each write an executable, close it and start it with ProcessBuilder. Prints
// how many of the rounds ended in ETXTBSY.
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

public class WriteAndRun {
    private static final AtomicInteger played = new AtomicInteger();
    private static final AtomicInteger busy = new AtomicInteger();

    private static void write(Path path, byte[] image) throws IOException {
        try (FileOutputStream file = new FileOutputStream(path.toFile())) {
            file.write(image);
        }
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static void run(Path path) throws Exception {
        Process program;
        try {
            program = new ProcessBuilder(path.toString()).start();
        } catch (IOException failed) {
            // The JDK tells the errno in its message alone.
            if (!failed.getMessage().contains("error=26,")) {
                throw failed;
            }
            busy.incrementAndGet();
            return;
        }
        int status = program.waitFor();
        if (status != 0) {
            throw new IOException(path + " ended with status " + status);
        }
    }

    private static Void play(Path directory, byte[] image, int rounds) throws Exception {
        for (int round; (round = played.getAndIncrement()) < rounds; ) {
            Path path = directory.resolve(Integer.toString(round));
            write(path, image);
            run(path);
            Files.delete(path);
        }
        return null;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 4) {
            System.err.println("usage: WriteAndRun IMAGE DIRECTORY THREADS ROUNDS");
            System.exit(2);
        }
        byte[] image = Files.readAllBytes(Path.of(arguments[0]));
        int threads = Integer.parseInt(arguments[2]);
        Callable<Void> player =
            () -> play(Path.of(arguments[1]), image, Integer.parseInt(arguments[3]));
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Future<Void>> all = new ArrayList<>();
        for (int each = 0; each < threads; each++) {
            all.add(pool.submit(player));
        }
        try {
            for (Future<Void> each : all) {
                each.get();
            }
        } finally {
            pool.shutdownNow();
        }
        System.out.println(busy.get());
    }
}
