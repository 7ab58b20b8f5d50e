package dev.callie

import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import dev.callie.ffi.uniffiCallbackInterfaceListener
import dev.callie.ffi.uniffiCallbackInterfaceLogSink
import dev.callie.ffi.uniffiCallbackInterfaceStateStore
import dev.callie.ffi.uniffiCallbackInterfaceTokenSource
import dev.callie.ffi.uniffiRustFutureContinuationCallbackImpl

/**
 * The threads on which the native library calls back.
 *
 * By default, JNA makes a Java thread for every call, for which the JVM waits at its end. Here each native thread is one Java
 * thread for its whole life, and a daemon: a program may end while a callback is running.
 */
internal object CallbackThreads {
    init {
        val threads = CallbackThreadInitializer(true, false)
        for (callback in listOf(
            uniffiRustFutureContinuationCallbackImpl,
            uniffiCallbackInterfaceListener.onEvents, uniffiCallbackInterfaceListener.uniffiFree,
            uniffiCallbackInterfaceLogSink.log, uniffiCallbackInterfaceLogSink.uniffiFree,
            uniffiCallbackInterfaceStateStore.load, uniffiCallbackInterfaceStateStore.write,
            uniffiCallbackInterfaceStateStore.uniffiFree,
            uniffiCallbackInterfaceTokenSource.token, uniffiCallbackInterfaceTokenSource.uniffiFree,
        )) {
            Native.setCallbackThreadInitializer(callback, threads)
        }
    }

    /** Prepares the threads, if that has not been done. */
    fun prepare() = Unit
}
