"""What is fitted after training, and the trained model as a folder of files."""
